"""The plan as a document: ``fleet plan --format json`` prints it, and ``--against`` reads a revision's.

Keys may be added within a version; a reader passes over those it does not know.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from elastic_vllm.estimate.cost import Envelope, Levels
from elastic_vllm.estimate.memory import Fit
from elastic_vllm.json_names import JSON_NAMES
from elastic_vllm.simulate.forecast import ModelForecast
from elastic_vllm.spec.finding import Finding

VERSION: Literal[2] = 2

Replacement = Literal["no", "maybe", "yes"]
"""Whether a change replaces the resource; ``maybe`` where only the provider's plugin could say."""


class Record(BaseModel):
    """Base of the document's own parts; cost, memory, findings and forecast are the library's types."""

    model_config = ConfigDict(**JSON_NAMES, frozen=True, use_attribute_docstrings=True)


class Resource(Record):
    """One resource as the program declares it. Secrets are hidden, unknown values marked."""

    urn: str
    type: str
    name: str
    component: str
    """The outermost component around it, as in ``GpuNodePool l4``."""
    protect: bool = False
    retain: bool = False
    ignore_changes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """URNs that the resource was registered under before."""
    reads: tuple[str, ...] = ()
    """URNs of the resources whose outputs are among its properties."""
    properties: dict[str, JsonValue]


@dataclass(frozen=True, kw_only=True)
class Silenced(Finding):
    """A finding that the policy silences, with its reason."""

    expires: date
    """The last day on which it is silent."""


class Probes(Record):
    """How long a replica may take, by its declared probes."""

    startup_seconds: int
    """From container start until the replica counts as failed."""
    readiness_seconds: int
    """From the first failed probe until no request is sent to it."""
    liveness_seconds: int
    """From the first failed probe until it is started anew."""


class Drain(Record):
    """How a replica drains, in seconds."""

    propagation_seconds: int
    finish_seconds: int
    grace_seconds: int
    """Time until the pod is killed; the rest beside the other two is margin."""


class Model(Record):
    """One model: where it runs, how many of it, and how it starts and ends."""

    name: str
    checkpoint: str
    pool: str
    accelerator: str
    machine: str
    gpus_per_replica: int
    nodes_per_replica: int = 1
    engines_per_replica: int = 1
    headroom: int = 0
    """Places for further replicas that are kept warm."""
    replicas_min: int
    replicas_max: int
    replicas_per_node: int
    nodes_max: int
    """Of the pool, which other models may share."""
    fit: Fit
    probes: Probes | None = None
    """Unknown where the program stops before it declares the model."""
    drain: Drain | None = None


class FieldChange(Record):
    """One property that changes. An absent value is ``None`` here and in no resource."""

    path: str
    option: str = ""
    """Of a word on a command line: the option that it belongs to."""
    before: JsonValue = None
    after: JsonValue = None
    replacement: Replacement = "no"


class ResourceChange(Record):
    """The change of one resource."""

    action: Literal["add", "change", "replace", "remove"]
    urn: str
    type: str
    name: str
    component: str
    fields: tuple[FieldChange, ...] = ()
    replacement: Replacement = "no"
    protected: bool = False
    """``pulumi up`` refuses to delete it."""
    retained: bool = False
    """It stays where it is when it is removed from the stack."""
    readers: int = 0
    """Resources that read its outputs, and may have to follow when it is replaced."""


class Difference(Record):
    """This plan against the same stack's at another revision."""

    ref: str
    commit: str
    note: str = ""
    """Why there is nothing to compare, or only a part."""
    comparable: bool = True
    """Whether there is a graph on both sides; without, ``resources`` says nothing."""
    resources: tuple[ResourceChange, ...] = ()
    findings_gained: tuple[Finding, ...] = ()
    findings_lost: tuple[Finding, ...] = ()
    cost_before: Levels | None = None
    """The whole stack's rates at the other revision."""

    @property
    def is_empty(self) -> bool:
        """Whether the change leaves this stack alone."""
        return not (self.note or self.resources or self.findings_gained or self.findings_lost)


class Plan(Record):
    """Everything that is known of a stack before anything is created."""

    version: Literal[2] = VERSION
    stack: str
    cloud: str = ""
    """Empty where the stack file cannot be read as one."""
    region: str = ""
    resources: tuple[Resource, ...] = ()
    """Empty where an error stops the program."""
    models: tuple[Model, ...] = ()
    findings: tuple[Finding, ...] = ()
    silenced: tuple[Silenced, ...] = ()
    cost: Envelope | None = None
    """Left out where the stack file cannot be read as one."""
    forecast: tuple[ModelForecast, ...] = ()
    """Empty where an error stops the program."""
    difference: Difference | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that stop an update."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that may be intended."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")
