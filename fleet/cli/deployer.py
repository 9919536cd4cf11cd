"""``fleet deployer``: what whoever runs ``pulumi up`` for a stack has to be allowed, and nothing beside."""

from typing import Annotated

import typer

from elastic_vllm.stack_file import config as stack_config
from fleet.cli.console import console
from fleet.cli.stack import ROOT, StackName
from fleet.errors import FleetError

Account = Annotated[str, typer.Option("--account", help="AWS: the account's twelve digits")]
Part = Annotated[
    str, typer.Option("--part", help="AWS: which of the policies to print: network, cluster or weights")
]


def deployer(stack: StackName = "aws-dev", account: Account = "111122223333", part: Part = "network") -> None:
    """Print the deployer's policy (AWS, one of three documents) or roles (Google Cloud) for a stack."""
    config = stack_config.parse(stack_config.read_stack_file(ROOT / "stacks" / f"Pulumi.{stack}.yaml"))
    documents = config.cluster.deployer_documents(stack, account)
    if not documents:
        console.print(f"stack {stack} runs on this machine: whoever runs it may do so")
    elif len(documents) == 1:
        typer.echo(next(iter(documents.values())))
    elif part in documents:
        typer.echo(documents[part])
    else:
        raise FleetError(f"there is no part {part}", f"take one of: {', '.join(documents)}")
