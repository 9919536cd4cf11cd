"""Questions asked of the tables together: which machine carries these GPUs, how long does this load take.

Every refusal is a ``CatalogueError`` that says what exists instead.
"""

from collections.abc import Sequence

from elastic_vllm.catalog.rows import CloudName, MachineRow
from elastic_vllm.catalog.tables import accelerators, loading, machines, models


class CatalogueError(ValueError):
    """A question the catalogue cannot answer; the message says what exists."""


def machine_for(
    cloud: CloudName, accelerator: str, gpus: int, machine: str | Sequence[str] | None = None
) -> MachineRow:
    """The named machine if it carries exactly these GPUs; when none is named, the cheapest that does.

    Of several that are named, what to plan with. A machine without a known price is chosen only where no
    priced one carries these GPUs.
    """
    if isinstance(machine, str):
        return _named(cloud, accelerator, gpus, machine)
    if machine:
        return _any_of([_named(cloud, accelerator, gpus, name) for name in machine])
    carrying = [row for row in machines(cloud).values() if row.accelerator == accelerator]
    if not carrying:
        raise CatalogueError(_lacking(cloud, accelerator))
    fitting = [row for row in carrying if row.gpus == gpus]
    if not fitting:
        sizes = ", ".join(str(size) for size in sorted({row.gpus for row in carrying}))
        raise CatalogueError(f"no {cloud} machine has {gpus} x {accelerator}; a node has {sizes}")
    return min(fitting, key=_price_then_name)


def _any_of(rows: Sequence[MachineRow]) -> MachineRow:
    """The dearest, with no more of anything than each of them has, and no fewer vCPUs for the quota."""
    networks = [row.network_mbps for row in rows if row.network_mbps is not None]
    return max(rows, key=_price_then_name).model_copy(
        update={
            "cpu": max(row.cpu for row in rows),
            "memory_mib": min(row.memory_mib for row in rows),
            "allocatable_cpu_millis": min(row.allocatable_cpu_millis for row in rows),
            "allocatable_memory_mib": min(row.allocatable_memory_mib for row in rows),
            "max_pods": min(row.max_pods for row in rows),
            "local_disk_gb": min(row.local_disk_gb for row in rows),
            "network_mbps": min(networks) if len(networks) == len(rows) else None,
            "on_demand": all(row.on_demand for row in rows),
        }
    )


def _price_then_name(row: MachineRow) -> tuple[float, str]:
    return (float("inf") if row.usd_per_hour is None else row.usd_per_hour, row.name)


def _named(cloud: CloudName, accelerator: str, gpus: int, machine: str) -> MachineRow:
    row = machines(cloud).get(machine)
    if row is not None and row.accelerator == accelerator and row.gpus == gpus:
        return row
    wrong = f"has {row.gpus} x {row.accelerator}" if row else f"is not a machine the {cloud} catalogue knows"
    right = [r.name for r in machines(cloud).values() if r.accelerator == accelerator and r.gpus == gpus]
    if right:
        raise CatalogueError(f"{machine} {wrong}; with {gpus} x {accelerator} there are: {', '.join(right)}")
    try:
        return machine_for(cloud, accelerator, gpus)  # none has these GPUs: it says what there is
    except CatalogueError as problem:
        raise CatalogueError(f"{machine} {wrong}; {problem}") from None


def _lacking(cloud: CloudName, accelerator: str) -> str:
    known = accelerators()
    had = {row.accelerator for row in machines(cloud).values()}
    if accelerator not in known:
        return f"unknown accelerator {accelerator!r}; the catalogue has: {', '.join(known)}"
    near = next((name for name in known[accelerator].nearest if name in had), None)
    hint = f"the nearest it has is {near}; it" if near else "it"
    return f"{cloud} has no machine with {accelerator}; {hint} has: {', '.join(n for n in known if n in had)}"


def engine_seconds(accelerator: str, gpus: int, *, compiled: bool = False) -> float:
    """Predicted seconds of a replica's start, weights aside: processes, compilation, graph capture.

    ``compiled``: what an earlier replica compiled is found. Assumed figures (``loading().source``,
    ``AcceleratorRow.start_seconds``): good for a budget with a wide margin, not for a promise.
    """
    row = accelerators().get(accelerator)
    if row is None:
        raise CatalogueError(
            f"unknown accelerator {accelerator!r}; the catalogue has: {', '.join(accelerators())}"
        )
    pace = loading()
    spared = row.start_seconds * pace.compile_share if compiled else 0.0
    return row.start_seconds - spared + pace.seconds_per_extra_gpu * (gpus - 1)


def weights_seconds(checkpoint: str, network_mbps: int | None = None, copies: int = 1) -> float:
    """Predicted seconds until a node has streamed a checkpoint's weights from the bucket to its GPUs.

    What is slower decides: the loader, whose pace is assumed, or what the machine's network sustains.
    Engines that know nothing of each other stream a copy each.
    """
    model = models().get(checkpoint)
    if model is None:
        raise CatalogueError(f"unknown checkpoint {checkpoint!r}; the catalogue has: {', '.join(models())}")
    pace = loading().stream_gb_per_second
    return copies * model.weights_gb / (pace if network_mbps is None else min(pace, network_mbps / 8000))
