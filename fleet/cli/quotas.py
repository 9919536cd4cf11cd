"""``fleet quotas``: the cloud quotas that a stack needs at its largest."""

from rich.table import Table

from elastic_vllm.estimate.quotas import Quota
from elastic_vllm.estimate.quotas import quotas as quotas_of
from fleet.cli.console import console
from fleet.cli.options import DEFAULT, StackName, workspace


def quotas(stack: StackName = DEFAULT) -> None:
    """List the cloud quotas that a stack needs at its largest. Asks the cloud nothing."""
    needed = quotas_of(workspace().config(stack))
    if not needed:
        console.print("local stacks need no cloud quota")
        return
    table = Table("quota", "request at least", "for", title=f"{stack}: quotas at its largest")
    for quota in needed:
        guess = " (name assumed: look it up)" if quota.estimated else ""
        table.add_row(f"{quota.title}\n[dim]{quota.name}[/]{guess}", _amount(quota), "\n".join(quota.because))
    console.print(table)


def _amount(quota: Quota) -> str:
    unit = quota.unit.removesuffix("es") if quota.needed == 1 and quota.unit == "addresses" else quota.unit
    return f"{quota.needed:,} {unit}"
