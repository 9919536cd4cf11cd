"""Shared by the tests of ``fleet plan``: plans made by hand, and a scratch repository with this program."""

import shutil
import subprocess
from pathlib import Path

from pydantic import JsonValue, TypeAdapter

from elastic_vllm.spec.finding import Finding
from fleet.plan.document import Plan, Resource

ROOT = Path(__file__).parents[1]
PROGRAM = ("Pulumi.yaml", "__main__.py", "components", "fleet", "scripts", "stacks")


def resource(
    name: str = "chat",
    kind: str = "kubernetes:apps/v1:Deployment",
    *,
    protect: bool = False,
    aliases: tuple[str, ...] = (),
    reads: tuple[str, ...] = (),
    **properties: JsonValue,
) -> Resource:
    """One resource at the top of the stack."""
    return Resource(
        urn=urn(name, kind),
        type=kind,
        name=name,
        component="VllmDeployment chat",
        protect=protect,
        aliases=aliases,
        reads=reads,
        properties=properties,
    )


def urn(name: str, kind: str) -> str:
    return f"urn:pulumi:test::elastic-vllm::{kind}::{name}"


def finding(name: str = "no-fit", **fields: str) -> Finding:
    given = {
        "severity": "warning",
        "key": "models[0].engine",
        "subject": "chat",
        "message": "lower it",
        **fields,
    }
    return TypeAdapter(Finding).validate_python({"id": name, **given})


def a_plan(**fields: object) -> Plan:
    return Plan.model_validate({"stack": "test", "cloud": "local", **fields})


def git(folder: Path, *words: str) -> str:
    """Run git there, as nobody in particular and by nobody's configuration."""
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.invalid", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def scratch(folder: Path, *stacks: str) -> Path:
    """A repository with this program, as it is now, and with only these stacks; one commit on ``main``."""
    for name in PROGRAM:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "Pulumi.*.yaml")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for stack in stacks:
        shutil.copy(ROOT / "stacks" / "Pulumi.local.yaml", folder / "stacks" / f"Pulumi.{stack}.yaml")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=before")
    return folder


def edit(folder: Path, stack: str, old: str, new: str) -> None:
    """Change one line of a stack file."""
    path = folder / "stacks" / f"Pulumi.{stack}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
