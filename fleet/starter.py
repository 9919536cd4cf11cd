"""A first stack file for a cloud and a checkpoint, with the cheapest machine that the rules accept."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil, floor, inf
from pathlib import Path
from string import Template

import yaml

from elastic_vllm import catalog, rules
from elastic_vllm.catalog import CloudName, MachineRow
from elastic_vllm.estimate.placement import SYSTEM_MEMORY_MIB
from elastic_vllm.spec.finding import Finding, StackConfigError
from elastic_vllm.spec.stack import StackConfig
from elastic_vllm.stack_file.parsing import validate
from elastic_vllm.vllm.startup import start_of
from fleet.errors import FleetError

CPU_SHARE = 0.77
"""Of the CPU request: the target of 70 %, and the tolerance of the HPA on top."""
MEMORY_GIB_PER_GPU = 24
LONGEST_CONTEXTS = (16_384, 8_192)
MAX_NODES = 4


@dataclass(frozen=True, kw_only=True)
class Starter:
    """A stack that can be planned as it is."""

    cluster: Mapping[str, object]
    pool: Mapping[str, object]
    model: Mapping[str, object]
    machine: MachineRow

    @property
    def raw(self) -> Mapping[str, object]:
        """Its sections, as in a stack file."""
        return {"cluster": self.cluster, "pools": [self.pool], "models": [self.model]}


def starter(cluster: Mapping[str, object], checkpoint: str, accelerator: str | None) -> Starter:
    """The stack on the cheapest machine without an error, and without a warning where there is such a one."""
    cloud: CloudName = "gcp" if "gcp" in (cluster["cloud"], cluster.get("machines")) else "aws"
    _known(checkpoint, catalog.models(), "checkpoint")
    if accelerator is not None:
        _known(accelerator, catalog.accelerators(), "accelerator")
    machines = [row for row in catalog.machines(cloud).values() if accelerator in (None, row.accelerator)]
    second: Starter | None = None
    for made in _candidates(cluster, checkpoint, sorted(machines, key=_price)):
        severities = {finding.severity for finding in _findings(made.raw)}
        if not severities & {"error", "warning"}:
            return made
        if "error" not in severities:
            second = second or made
    if second is None:
        with_it = f" with {accelerator}" if accelerator else ""
        raise FleetError(
            f"no machine of {cloud}{with_it} holds {checkpoint}",
            "leave --accelerator out for the cheapest that does; `fleet catalog machines` lists them",
        )
    return second


def _known(name: str, rows: Mapping[str, object], what: str) -> None:
    if name not in rows:
        near = difflib.get_close_matches(name, rows, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise FleetError(f"unknown {what} {name!r}{hint}", f"`fleet catalog {what}s` lists them")


def _price(row: MachineRow) -> tuple[float, str]:
    return (inf if row.usd_per_hour is None else row.usd_per_hour, row.name)


def _candidates(
    cluster: Mapping[str, object], checkpoint: str, machines: list[MachineRow]
) -> Iterator[Starter]:
    for machine in machines:
        for context in LONGEST_CONTEXTS:
            model = _model(checkpoint, machine, context)
            pool = {
                "name": machine.accelerator,
                "accelerator": machine.accelerator,
                "machine": machine.name,
                "gpusPerNode": machine.gpus,
                "maxNodes": MAX_NODES,
            }
            made = Starter(cluster=cluster, pool=pool, model=model, machine=machine)
            yield replace(made, model={**model, **_scaling(made)})


def _model(checkpoint: str, machine: MachineRow, context: int) -> dict[str, object]:
    """One replica on each node, with all its GPUs."""
    figures, workers = catalog.cpu(), machine.gpus if machine.gpus > 1 else 0
    cores = (figures.busy(workers) + figures.trickle(workers)) / 2 / CPU_SHARE
    memory = floor((machine.allocatable_memory_mib - SYSTEM_MEMORY_MIB) / 1024)
    return {
        "name": "chat",
        "checkpoint": checkpoint,
        "pool": machine.accelerator,
        "gpusPerReplica": machine.gpus,
        "engine": {"maxModelLen": context, "maxNumSeqs": 32},
        "replicas": {"min": 1, "max": MAX_NODES},
        "resources": {
            "cpu": ceil(cores * 4) / 4,
            "memoryGib": min(memory, MEMORY_GIB_PER_GPU * machine.gpus),
            "shmGib": 2,
        },
    }


def _scaling(made: Starter) -> Mapping[str, object]:
    """Keeps replicas for as long as a new one takes to start, where the preset does not."""
    config = _valid(made.raw)
    if config is not None and made.cluster["cloud"] != "local":
        start = start_of(config.cluster, config.models[0], made.machine).seconds
        kept = config.models[0].scaling.scale_down.stabilization_window_seconds
        if start > kept:
            return {"scaling": {"scaleDown": {"stabilizationWindowSeconds": 60 * ceil(start * 1.1 / 60)}}}
    return {}


def _valid(raw: Mapping[str, object]) -> StackConfig | None:
    """The configuration; none where this machine is what is wrong with it."""
    try:
        return validate(raw)
    except StackConfigError as refused:
        if any(finding.key.startswith("cluster") for finding in refused.findings):
            raise
        return None


def _findings(raw: Mapping[str, object]) -> tuple[Finding, ...]:
    try:
        return rules.findings(validate(raw))
    except StackConfigError as refused:
        return tuple(refused.findings)


def text(made: Starter, *, has_schema: bool) -> str:
    """The stack file, with a comment for each thing to decide; lines without a value are left out."""
    values = {key: _flow(value) for key, value in {**made.pool, **made.model, **made.cluster}.items()}
    price = made.machine.usd_per_hour
    cost = "price unknown" if price is None else f"{price:.2f} USD/h in {made.machine.price_region}"
    values["price"] = f"{cost}, as of {made.machine.as_of}"
    values |= {"has_schema": ""} if has_schema else {}
    values |= {"on_a_cloud": ""} if made.cluster["cloud"] != "local" else {}
    lines = Path(__file__).with_name("starter.yaml.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(
        line.substitute(values) for line in map(Template, lines) if values.keys() >= {*line.get_identifiers()}
    )


def _flow(value: object) -> str:
    """A value on one line."""
    flow = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=inf)
    return flow.removesuffix("...\n").strip()
