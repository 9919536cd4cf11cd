"""``fleet quotas``: what to ask the cloud for before a stack can be as large as it declares."""

from rich.table import Table

from elastic_vllm.estimate.quotas import quotas as quotas_of
from elastic_vllm.stack_file import config as stack_config
from fleet.cli.console import console
from fleet.cli.stack import ROOT, StackName


def quotas(stack: StackName = "aws-dev") -> None:
    """List the quotas that a stack needs at its largest, by the cloud's own names. Asks the cloud nothing."""
    config = stack_config.parse(stack_config.read_stack_file(ROOT / "stacks" / f"Pulumi.{stack}.yaml"))
    needed = quotas_of(config)
    if not needed:
        console.print(f"stack {stack} runs on this machine: there is nobody to ask")
        return
    table = Table("quota", "ask for", "because of", title=f"{stack}: quotas at its largest")
    for quota in needed:
        guess = " (name assumed: look it up)" if quota.estimated else ""
        table.add_row(
            f"{quota.title}\n[dim]{quota.name}[/]{guess}",
            f"{quota.needed:,} {quota.unit}",
            "\n".join(quota.because),
        )
    console.print(table)
