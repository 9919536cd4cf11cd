"""The model of the HPA against the real one: 200 autoscalers at once, every decision compared."""

import time
from collections import Counter
from collections.abc import Sequence

import pytest

from fleet.embedded.layout import Layout
from fleet.kube.apiserver import connect
from tests.differential import trace
from tests.differential.assembly import assemble
from tests.differential.experiment import Experiment
from tests.differential.metrics_apis import serve
from tests.differential.policies import policies
from tests.differential.trace import Recorded

pytestmark = pytest.mark.slow

AUTOSCALERS, SEED = 200, 1
RUN_SECONDS = 330
APIS_SECONDS = 60


def record(cluster: Layout) -> list[Recorded]:
    """Run the experiment on a cluster whose metrics APIs it takes over."""
    experiment = Experiment(connect(cluster.kubeconfig), policies(AUTOSCALERS, SEED), SEED)
    pki = cluster.control_plane / "pki"
    with serve(experiment, pki / "admin.crt", pki / "admin.key") as port:
        experiment.prepare(port, APIS_SECONDS)
        epoch = int(time.time())
        experiment.run(RUN_SECONDS)
    return assemble(experiment, epoch)


def told(recorded: Sequence[Recorded]) -> str:
    """How many decisions of each kind there were."""
    reasons = Counter(decision.reason for one in recorded for _, decision in trace.replay(one))
    return f"{sum(reasons.values())} decisions: {dict(reasons.most_common())}"


def test_every_decision_of_200_autoscalers_is_the_models(
    alone: Layout, request: pytest.FixtureRequest
) -> None:
    recorded = record(alone)
    print(f"\n{told(recorded)}")
    if request.config.getoption("--update-golden"):
        trace.write(trace.PATH, trace.chosen(recorded))
    different = [line for one in recorded for line in trace.differences(one)]
    assert not different, "\n".join(different[:20])
    assert sum(len(one.syncs) for one in recorded) > 15 * AUTOSCALERS, told(recorded)
