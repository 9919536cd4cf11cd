"""``fleet deployer``: the permissions that deploying a stack takes, as documents of its cloud."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, assert_never

import typer

from elastic_vllm.spec import AwsCluster, ClusterSpec, GcpCluster, LocalCluster
from fleet.cli.console import console
from fleet.cli.options import StackName, workspace
from fleet.errors import FleetError

Account = Annotated[
    str, typer.Option("--account", help="AWS: the account id, 12 digits; Google Cloud: the project id")
]
Output = Annotated[
    Path | None, typer.Option("--output", metavar="DIR", help="write one file per document there")
]


def deployer(account: Account, stack: StackName = "", output: Output = None) -> None:
    """Print the least-privilege permissions for deploying a stack: IAM policies, or gcloud commands."""
    documents = _documents(workspace().config(stack).cluster, account, stack)
    if not documents:
        console.print("local stacks need no cloud permissions")
    elif output is None:
        typer.echo(_together(documents))
    else:
        output.mkdir(parents=True, exist_ok=True)
        for name, text in documents.items():
            (output / name).write_text(f"{text}\n", encoding="utf-8")
            console.print(str(output / name))


def _documents(cluster: ClusterSpec, account: str, stack: str) -> Mapping[str, str]:
    """The documents' texts by their file names."""
    match cluster:
        case AwsCluster(region=region):
            if not re.fullmatch(r"\d{12}", account):
                raise FleetError(
                    f"{account!r} is no AWS account id",
                    "give its 12 digits; `aws sts get-caller-identity` prints them",
                )
            from elastic_vllm.clouds.aws.deployer import deployer as policies  # noqa: PLC0415  # one cloud only

            found = policies(region, account, stack)
            return {f"{name}.json": json.dumps(document, indent=2) for name, document in found.items()}
        case GcpCluster(project=project):
            if account != project:
                raise FleetError(
                    f"stack {stack} is in the project {project}, not in {account!r}",
                    f"give --account {project}, or change cluster.project in the stack file",
                )
            from elastic_vllm.clouds.gcp.deployer import commands  # noqa: PLC0415  # likewise
            from elastic_vllm.clouds.gcp.identity import NODE_ROLES  # noqa: PLC0415  # likewise

            return {"roles.sh": "\n".join(commands(project, NODE_ROLES))}
        case LocalCluster():
            return {}
        case _:
            assert_never(cluster)


def _together(documents: Mapping[str, str]) -> str:
    """One text: a shell script as it is, JSON documents as one object by their names."""
    if all(name.endswith(".json") for name in documents):
        return json.dumps({Path(name).stem: json.loads(text) for name, text in documents.items()}, indent=2)
    return "\n".join(documents.values())
