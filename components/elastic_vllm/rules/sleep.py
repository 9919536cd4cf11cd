"""Replicas that may be put to sleep, and what goes on around them as if they were awake."""

from collections.abc import Iterator

from elastic_vllm.rules.view import View
from elastic_vllm.spec.finding import Finding, Kind

AUTOSCALED = Kind(
    id="sleep-beside-autoscaler",
    family="scaling",
    severity="warning",
    title="An autoscaler beside replicas that sleep",
    why="Asleep, a replica still looks ready: `/health` is 200, the Service sends it requests, and they wait "
    "until it wakes up. Its metrics stand still meanwhile, and its CPU idles: whatever waits, an autoscaler "
    "sees a replica without work, adds none, and takes one away, perhaps one that is awake. Give the model "
    "equal bounds. Sleep gives no GPU back to the cluster; fewer replicas do.",
)


def nothing_counts_on_replicas_that_sleep(view: View) -> Iterator[Finding]:
    """Whoever puts replicas to sleep decides how many there are."""
    for at in view.autoscaled():
        if at.model.engine.sleep_mode:
            bounds = at.model.replicas
            yield AUTOSCALED.at(
                f"{at.key}.engine.sleepMode",
                f"an autoscaler moves the model between {bounds.min} and {bounds.max} replicas and cannot "
                "tell which sleep; set replicas.min and max alike, or leave sleepMode out",
                at.model.name,
            )
