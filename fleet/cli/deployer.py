"""``fleet deployer``: what whoever runs ``pulumi up`` for a stack has to be allowed, and nothing beside."""

import json
from typing import Annotated

import typer

from elastic_vllm.spec import AwsCluster, GcpCluster
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
    match config.cluster:
        case AwsCluster(region=region):
            _print_policy(region, account, stack, part)
        case GcpCluster(project=project):
            _print_grants(project)
        case _:
            console.print(f"stack {stack} runs on this machine: whoever runs it may do so")


def _print_policy(region: str, account: str, stack: str, part: str) -> None:
    from elastic_vllm.clouds.aws.deployer import deployer as policies  # noqa: PLC0415  # only the cloud in use

    documents = policies(region, account, stack)
    if part not in documents:
        raise FleetError(f"there is no part {part}", f"take one of: {', '.join(documents)}")
    typer.echo(json.dumps(documents[part], indent=2))


def _print_grants(project: str) -> None:
    from elastic_vllm.clouds.gcp.deployer import commands  # noqa: PLC0415  # likewise
    from elastic_vllm.clouds.gcp.identity import NODE_ROLES  # noqa: PLC0415  # likewise

    typer.echo("\n".join(commands(project, NODE_ROLES)))
