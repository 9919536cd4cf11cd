"""How long a replica takes to come: a node, its image, the load. By the catalogue's assumed figures."""

from dataclasses import dataclass

from components import catalog
from components.spec import LocalCluster
from stacks.placement import Placed
from stacks.stack import StackConfig


@dataclass(frozen=True, kw_only=True)
class Start:
    """Seconds of each part."""

    node: float
    """From asking for a node until it has the image."""
    load: float
    """From the container's start until the replica answers."""

    @property
    def seconds(self) -> float:
        """On a node that has to come first."""
        return self.node + self.load


def start_of(config: StackConfig, at: Placed) -> Start:
    """How long a replica of this model takes; simulated nodes are as much faster as the file says."""
    cloud = config.cluster.catalogue
    faster = config.cluster.compression if isinstance(config.cluster, LocalCluster) else 1.0
    node = catalog.boot_seconds(cloud) + catalog.image_pull_seconds(cloud)
    load = catalog.load_seconds(at.model.checkpoint, at.accelerator.name, at.model.gpus_per_replica)
    return Start(node=node / faster, load=load / faster)
