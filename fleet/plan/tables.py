"""Tables of a plan: the terminal and the Markdown form show the same ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from elastic_vllm.estimate.cost import Envelope
from fleet.plan import format as text
from fleet.plan.document import Model, Resource


@dataclass(frozen=True)
class Table:
    """Plain text by rows; ``right`` are the columns of figures."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()


def components(resources: Iterable[Resource]) -> Table:
    """Each component with its resources."""
    rows = tuple(
        (name or "the stack", str(count), kinds) for name, count, kinds in text.components(resources)
    )
    return Table(("Component", "Resources", "Kinds"), rows, right=(1,))


def models(found: Sequence[Model]) -> list[Table]:
    """Placement, memory and, where the program ran, start and drain."""
    placed = tuple(
        (one.name, one.checkpoint, text.gpus(one), text.replicas(one), text.place(one)) for one in found
    )
    memory = tuple((one.name, text.memory(one.fit), text.kv_cache(one.fit)) for one in found)
    tables = [
        Table(("Model", "Checkpoint", "GPUs", "Replicas", "Pool"), placed),
        Table(("Model", "Memory of each GPU, estimated", "KV cache"), memory),
    ]
    if any(one.probes for one in found):
        lives = tuple((one.name, text.start(one), text.drain(one)) for one in found)
        tables.append(Table(("Model", "Start", "Drain: propagation + finish + margin"), lives))
    return tables


def cost(envelope: Envelope) -> list[Table]:
    """The stack at each level of replicas, then its parts on demand."""
    total = envelope.total
    levels = tuple(
        (level, text.usd(rate.on_demand), text.usd(rate.spot), text.usd(rate.month.on_demand))
        for level, rate in zip(text.LEVELS, (total.zero, total.min, total.max), strict=True)
    )
    scaled = [
        *((f"model {one.name} alone, {one.machine}", one.nodes, one.rates) for one in envelope.models),
        *((f"pool {one.name}, {one.capacity}", one.nodes, one.rates) for one in envelope.pools),
    ]
    parts = [
        (name, text.nodes(nodes), text.usd(rates.min.on_demand), text.usd(rates.max.on_demand))
        for name, nodes, rates in scaled
    ]
    for part in envelope.fixed:
        usd = text.usd(part.usd_per_hour)
        parts.append((f"fixed: {part.title}", f"{part.quantity:g}", usd, usd))
    return [
        Table(("USD per hour", "On demand", "Spot", "On demand, per month"), levels, right=(1, 2, 3)),
        Table(("Part", "Quantity", "Min replicas", "Max replicas"), tuple(parts), right=(2, 3)),
    ]
