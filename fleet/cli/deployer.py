"""``fleet deployer``: the permissions that deploying a stack takes, as documents of its cloud."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from elastic_vllm.clouds.facts import AccountError
from fleet.cli.console import console
from fleet.cli.options import DEFAULT, StackName, workspace
from fleet.errors import FleetError

Account = Annotated[
    str, typer.Option("--account", help="AWS: the account id, 12 digits; Google Cloud: the project id")
]
Output = Annotated[
    Path | None, typer.Option("--output", metavar="DIR", help="write one file per document there")
]


def deployer(account: Account, stack: StackName = DEFAULT, output: Output = None) -> None:
    """Print the least-privilege permissions for deploying a stack: IAM policies, or gcloud commands."""
    try:
        documents = workspace().config(stack).cluster.deployer_documents(stack, account)
    except AccountError as wrong:
        raise FleetError(*wrong.args) from None
    if not documents:
        console.print("local stacks need no cloud permissions")
    elif output is None:
        typer.echo(_together(documents))
    else:
        output.mkdir(parents=True, exist_ok=True)
        for name, text in documents.items():
            (output / name).write_text(f"{text}\n", encoding="utf-8")
            console.print(str(output / name))


def _together(documents: Mapping[str, str]) -> str:
    """One text: a shell script as it is, JSON documents as one object by their names."""
    if all(name.endswith(".json") for name in documents):
        return json.dumps({Path(name).stem: json.loads(text) for name, text in documents.items()}, indent=2)
    return "\n".join(documents.values())
