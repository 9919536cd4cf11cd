"""``fleet init``: a first stack file, and around it a Pulumi project where there is none."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from elastic_vllm import project
from fleet.cli.console import console
from fleet.cli.options import directory
from fleet.errors import FleetError
from fleet.starter import starter, text
from fleet.workspace import Workspace

PROGRAM = Path(__file__).parents[1] / "program.py.txt"
"""The program of a new project: that of this repository."""
REGIONS = {"aws": "us-east-1", "gcp": "us-central1"}
"""Where the catalogue's prices are from."""


class Cloud(StrEnum):
    """Where the stack runs."""

    AWS = "aws"
    GCP = "gcp"
    LOCAL = "local"


Name = Annotated[str, typer.Argument(metavar="NAME", help="the new stack's name")]
CloudOption = Annotated[Cloud, typer.Option("--cloud", help="local is the embedded cluster on this machine")]
Checkpoint = Annotated[
    str,
    typer.Option("--checkpoint", help="as in Qwen/Qwen3-VL-8B-Instruct-FP8; see `fleet catalog checkpoints`"),
]
Accelerator = Annotated[
    str | None, typer.Option("--accelerator", help="the cheapest that holds the checkpoint if left out")
]
Region = Annotated[
    str | None, typer.Option("--region", help="where the catalogue's prices are from if left out")
]
ProjectId = Annotated[
    str | None, typer.Option("--project", help="Google Cloud: the project id, required there")
]


def init(
    name: Name,
    cloud: CloudOption,
    checkpoint: Checkpoint,
    *,
    accelerator: Accelerator = None,
    region: Region = None,
    project_id: ProjectId = None,
) -> None:
    """Write a commented stack file. Starts a Pulumi project too where there is none."""
    if not re.fullmatch(r"[\w.-]{1,100}", name):
        raise FleetError(f"invalid stack name {name!r}", "use letters, digits, hyphens, dots and underscores")
    made = starter(_cluster(cloud, region, project_id), checkpoint, accelerator)
    place, is_new = _place(directory())
    file = place.stack_file(name)
    if file.exists():
        raise FleetError(f"{file} exists already", "choose another name, or edit that file")
    if is_new:
        _start_project(place.root, cloud)
    place.stacks.mkdir(parents=True, exist_ok=True)
    file.write_text(text(made, has_schema=(place.stacks / "schema.json").is_file()), encoding="utf-8")
    console.print(f"wrote {file}\nnext: `fleet plan --stack {name}`")


def _cluster(cloud: Cloud, region: str | None, project_id: str | None) -> dict[str, object]:
    if project_id and cloud is not Cloud.GCP:
        raise FleetError("--project is for Google Cloud", "leave it out")
    if cloud is Cloud.LOCAL:
        if region:
            raise FleetError("a local stack has no region", "leave --region out")
        return {"cloud": "local", "machines": "aws", "compression": 30}
    placed: dict[str, object] = {"region": region or REGIONS[cloud]}
    if cloud is Cloud.GCP:
        if not project_id:
            raise FleetError("a stack on Google Cloud needs a project", "give its id with --project")
        placed = {"project": project_id, **placed}
    return {"cloud": cloud.value, **placed}


def _place(folder: Path) -> tuple[Workspace, bool]:
    """The project there, or one to be started in the folder itself."""
    inside = folder.resolve()
    if not any((each / project.FILE).is_file() for each in (inside, *inside.parents)):
        return Workspace(inside, inside), True
    return Workspace.find(folder), False


def _start_project(root: Path, cloud: Cloud) -> None:
    """Pulumi.yaml, the program, and what it is installed with; a file that is there already stays."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", root.name) or "elastic-vllm"
    extra = "" if cloud is Cloud.LOCAL else f"[{cloud.value}]"
    files = {
        project.FILE: f"name: {name}\ndescription: Qwen3-VL on vLLM on elastic GPUs\n"
        "runtime:\n  name: python\n  options:\n    toolchain: pip\n    virtualenv: .venv\n",
        "__main__.py": PROGRAM.read_text(encoding="utf-8"),
        "requirements.txt": f"elastic-vllm{extra}\n",
    }
    root.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        if not (root / file).exists():
            (root / file).write_text(content, encoding="utf-8")
            console.print(f"wrote {root / file}")
