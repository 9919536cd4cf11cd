"""Where a cold start's time goes, and what each measure against it spares: arithmetic on the catalogue."""

from dataclasses import dataclass

from components import catalog
from components.spec import ModelSpec, NodePoolSpec


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """From asking for a replica until it answers, part by part, in seconds."""

    measure: str
    node: float
    """The machine's boot."""
    image: float
    """Its pull of the image."""
    engine: float
    """Process start, compilation, graph capture."""
    weights: float
    """Reading them."""

    @property
    def ready(self) -> float:
        """All parts, one after the other."""
        return self.node + self.image + self.engine + self.weights


def table(model: ModelSpec, pool: NodePoolSpec, cloud: catalog.CloudName) -> tuple[ColdStart, ...]:
    """A new node without any measure, each measure alone, and all of them together."""
    row, gpus = catalog.models()[model.checkpoint], model.gpus_per_replica
    start, pace = catalog.accelerators()[pool.accelerator].start_seconds, catalog.loading()
    boot, pull = catalog.boot_seconds(cloud), catalog.image_pull_seconds(cloud)
    engine = start + pace.seconds_per_extra_gpu * (gpus - 1)
    compiled = engine - start * pace.compile_share
    read, streamed = row.weights_gb / pace.read_gb_per_second, row.weights_gb / pace.stream_gb_per_second
    return (
        ColdStart(measure="none", node=boot, image=pull, engine=engine, weights=read),
        ColdStart(measure="image on the node", node=boot, image=0, engine=engine, weights=read),
        ColdStart(measure="weights streamed", node=boot, image=pull, engine=engine, weights=streamed),
        ColdStart(measure="compile cache kept", node=boot, image=pull, engine=compiled, weights=read),
        ColdStart(measure="warm headroom", node=0, image=0, engine=engine, weights=read),
        ColdStart(measure="all of them", node=0, image=0, engine=compiled, weights=streamed),
    )
