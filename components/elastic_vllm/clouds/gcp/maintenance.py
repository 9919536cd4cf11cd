"""When GKE may upgrade a cluster: the ``maintenance`` section, and the policy that it becomes.

Imports no SDK.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from elastic_vllm.section import Section, config_error

if TYPE_CHECKING:
    from pulumi_gcp.container import ClusterMaintenancePolicyArgsDict

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONDAY = date(2024, 1, 1)
"""The week in which every window begins; a fixed one, so that two runs are alike."""
LEAST_HOURS_A_WEEK = 12
"""GKE asks for 48 hours in any 32 days, in pieces of four hours or more."""
LONGEST_STANDSTILL = timedelta(days=30)
"""The longest time for which GKE stops every upgrade."""


def _day(value: object) -> object:
    """A day as a stack file has it; Pulumi gives one that stands without quotes as a moment."""
    return date.fromisoformat(value[:10]) if isinstance(value, str) else value


Date = Annotated[date, BeforeValidator(_day)]


class WindowSpec(Section):
    """When upgrades may start, in UTC, every week."""

    days: tuple[Day, ...] = Field(default=DAYS, min_length=1)
    """Days on which the window begins; every day when left out."""
    start: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["02:00"])
    """When it begins, in UTC; in quotes, since YAML reads 22:30 as a number."""
    hours: int = Field(default=4, ge=4, le=24)
    """How long it is."""

    @model_validator(mode="after")
    def _gke_finds_time(self) -> Self:
        hours = len(set(self.days)) * self.hours
        if hours < LEAST_HOURS_A_WEEK:
            raise config_error(
                "hours",
                f"{hours} hours a week are too few: GKE asks for 48 in any 32 days; name more days, or give "
                f"{-(-LEAST_HOURS_A_WEEK // len(set(self.days)))} hours",
            )
        return self


class ExclusionSpec(Section):
    """A time in which GKE upgrades less."""

    name: str = Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=63, examples=["holidays"])
    """What the console shows."""
    first: Date = Field(examples=["2026-12-14"])
    """The first day."""
    until: Date = Field(examples=["2027-01-04"])
    """The day after the last."""
    scope: Literal["no-upgrades", "no-minor-upgrades", "no-minor-or-node-upgrades"] = (
        "no-minor-or-node-upgrades"
    )
    """What does not happen; left out, the nodes with their drivers stay, and the control plane is patched."""

    @model_validator(mode="after")
    def _gke_takes_it(self) -> Self:
        if self.until <= self.first:
            raise config_error("until", f"{self.until} is not after first {self.first}; give a later day")
        if self.scope == "no-upgrades" and self.until - self.first > LONGEST_STANDSTILL:
            raise config_error(
                "until", "GKE stops every upgrade for 30 days at most; give an earlier day, or a scope"
            )
        return self


class MaintenanceSpec(Section):
    """When GKE's own upgrades of control plane and nodes come. A node's upgrade brings another driver."""

    window: WindowSpec
    """When they may start."""
    exclusions: tuple[ExclusionSpec, ...] = Field(default=(), max_length=20)
    """When fewer come, or none."""


def policy(spec: MaintenanceSpec | None) -> "ClusterMaintenancePolicyArgsDict | None":
    """The policy as GKE takes it; without one, upgrades come at any hour."""
    if spec is None:
        return None
    chosen = [day for day in DAYS if day in spec.window.days]
    first = MONDAY + timedelta(days=DAYS.index(chosen[0]))
    begins = datetime.combine(first, time.fromisoformat(spec.window.start), tzinfo=UTC)
    return {
        "recurring_window": {
            "start_time": _zulu(begins),
            "end_time": _zulu(begins + timedelta(hours=spec.window.hours)),
            "recurrence": f"FREQ=WEEKLY;BYDAY={','.join(day[:2].upper() for day in chosen)}",
        },
        "maintenance_exclusions": [
            {
                "exclusion_name": one.name,
                "start_time": _zulu(datetime.combine(one.first, time(), tzinfo=UTC)),
                "end_time": _zulu(datetime.combine(one.until, time(), tzinfo=UTC)),
                "exclusion_options": {"scope": one.scope.replace("-", "_").upper()},
            }
            for one in spec.exclusions
        ],
    }


def _zulu(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
