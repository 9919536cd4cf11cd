"""The ``cluster`` section of a stack on the embedded cluster."""

from typing import Literal

from pydantic import Field

from elastic_vllm.catalog import CloudName
from elastic_vllm.section import Section


class LocalSettings(Section):
    """The embedded cluster: a real control plane on this machine, simulated machines."""

    cloud: Literal["local"]
    machines: CloudName = "aws"
    """Whose machines the simulated nodes have: shape, price and boot time come from that catalogue."""
    compression: float = Field(default=1, ge=1, le=100)
    """What the catalogue's boot, pull and load times are divided by; 1 is real time."""
    image_on_nodes: bool = False
    """Whether new machines have the engine's image already, as with AWS's snapshots and Google's disks."""
