"""What one model's forecast rests on: the model, its pool, the catalogue's times, controllers' periods."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from elastic_vllm import catalog
from elastic_vllm.clouds.facts import ClusterFacts
from elastic_vllm.estimate.cost import node_price
from elastic_vllm.estimate.placement import Placed, place_of
from elastic_vllm.simulate.figures import ShapeName
from elastic_vllm.simulate.hpa import SYNC_SECONDS
from elastic_vllm.simulate.load_model import LoadModel
from elastic_vllm.spec import ModelSpec
from elastic_vllm.spec.stack import StackConfig
from elastic_vllm.vllm.startup import start_of


@dataclass(frozen=True, kw_only=True)
class Periods:
    """How often controllers look, and how long they take. Phases are chance; these lie in the middle.

    Periods are the defaults of kube-controller-manager 1.36, metrics-server 0.9 and Karpenter 1.13; what is
    measured was measured on the embedded cluster.
    """

    sync_seconds: float = SYNC_SECONDS
    """Of the HPA."""
    first_sync: float = 7.5
    """Seconds from the trace's begin."""
    scrape_seconds: float = 15.0
    """Of metrics-server."""
    first_scrape: float = 5.0
    """Seconds from the trace's begin."""
    averaged: bool = True
    """Whether a value is the mean since the last scrape, as a kubelet's is. The embedded cluster's simulated
    kubelet gives what is used at the scrape."""
    creation_seconds: float = 0.5
    """From the HPA's change until the new pods were tried on the nodes that are there. Measured."""
    batch_seconds: float = 1.5
    """From a pod without a node until its node is ordered: Karpenter waits a second for more. Measured."""
    binding_seconds: float = 0.5
    """From a node's registration until its pod starts. Measured."""
    yielding_seconds: float = 1.0
    """From a pod that finds only places kept warm until it starts on one of them. Assumed."""
    poll_seconds: float = 10.0
    """How often Karpenter looks for nodes to give back."""
    first_poll: float = 5.0
    """Seconds from the trace's begin."""
    validation_seconds: float = 15.0
    """How long Karpenter looks on before it gives an empty node back."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Everything but the load. A pool is the model's alone: other models' nodes are other nodes."""

    model: ModelSpec
    machine: catalog.MachineRow
    boot_seconds: float
    """From the order of a node until a replica can start on it, its image pulled."""
    load_seconds: float
    """From a replica's start until it answers."""
    replicas_per_node: int
    """Replicas that an empty node carries, or parts of them where a replica has several nodes."""
    min_nodes: int
    max_nodes: int
    consolidate_after_seconds: float
    usd_per_node_hour: float | None
    """With its disks; None where the catalogue has no price."""
    periods: Periods = field(default_factory=Periods)

    @classmethod
    def of(cls, config: StackConfig, model: ModelSpec, *, compression: float = 1) -> Self:
        """The stack's model in real seconds, or in the compressed ones of a drill."""
        return cls.at(config, replace(place_of(config, model.name), model=model), compression=compression)

    @classmethod
    def at(cls, config: StackConfig, placement: Placed, *, compression: float = 1) -> Self:
        """Likewise, of a model whose place is known."""
        model, pool, machine = placement.model, placement.pool, placement.machine
        start = start_of(config.cluster, model, machine)
        return cls(
            model=model,
            machine=machine,
            boot_seconds=round(start.node / compression),
            load_seconds=round(start.load / compression),
            replicas_per_node=max(1, placement.replicas_per_node),
            min_nodes=pool.min_nodes,
            max_nodes=pool.max_nodes,
            consolidate_after_seconds=config.autoscaler.consolidate_after_seconds,
            usd_per_node_hour=node_price(config, pool, machine),
            periods=_periods(config.cluster),
        )

    def load_model(self, mix: Mapping[ShapeName, float]) -> LoadModel:
        """One replica on its share of the machine."""
        cores = self.machine.allocatable_cpu_millis / 1000
        return LoadModel.for_model(self.model, self.machine.accelerator, mix, cores)

    def unnamed(self) -> str:
        """All that decides the outcome, as text: the same for models that differ in their names alone."""
        model = self.model.model_copy(update={"name": "", "pool": ""})
        return repr((model.model_dump_json(), replace(self, model=model)))


def _periods(cluster: ClusterFacts) -> Periods:
    sync = cluster.hpa_sync_seconds or SYNC_SECONDS
    return Periods(sync_seconds=sync, scrape_seconds=cluster.metrics_scrape_seconds)
