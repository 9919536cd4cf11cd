"""A stack of models, each with a pool of its own, on the embedded cluster, and drills of all at once."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from elastic_vllm.simulate.scenario import Scenario
from elastic_vllm.simulate.timeline import Happening, Run, Second
from elastic_vllm.stack_file import config as stack_config
from fleet import deploy
from fleet.cli.drill import perform
from fleet.cli.stack import Printer
from fleet.deploy.program import stack_ref
from fleet.drill.rest import await_no_nodes
from fleet.drill.staging import stage
from fleet.embedded.layout import Layout
from fleet.kube.apiserver import connect
from tests.plans import ROOT

Sections = Mapping[str, Any]  # Any: a stack file's YAML


class Silent:
    """A listener that hears nothing."""

    def update(self, second: Second, happenings: list[Happening]) -> None:
        pass


def local(
    namespace: str, models: Mapping[str, Mapping[str, Any]], *, max_nodes: int = 10, **cluster: Any
) -> Sections:
    """The local stack with these models in its own's place, each with what differs and its own pool."""
    sections: dict[str, Any] = dict(stack_config.read_stack_file(ROOT / "stacks" / "Pulumi.local.yaml"))
    (model,), (pool,) = sections["models"], sections["pools"]
    return sections | {
        "namespace": namespace,
        "cluster": sections["cluster"] | cluster,
        "models": [model | {"name": name, "pool": name} | differs for name, differs in models.items()],
        "pools": [pool | {"name": name, "maxNodes": max_nodes} for name in models],
    }


@contextmanager
def deployed(
    cluster: Layout, sections: Sections, compression: float
) -> Iterator[Callable[[Mapping[str, Scenario]], Mapping[str, Run]]]:
    """The stack as a drill sets it up. Answers what plays a scenario for each model, all at once."""
    parsed = stack_config.parse(sections)
    config = {
        f"elastic-vllm:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in sections.items()
    }
    plain = stack_ref("local", root=ROOT, kubeconfig=cluster.kubeconfig, home=cluster.root)
    ref = stage(replace(plain, name=parsed.namespace, config=config), parsed, None, compression).ref

    def drilled(name: str, play: Scenario) -> Run:
        return perform(stage(ref, parsed, name, compression), play, Silent())

    def play_all(plays: Mapping[str, Scenario]) -> Mapping[str, Run]:
        with ThreadPoolExecutor(len(plays)) as threads:
            futures = {name: threads.submit(drilled, name, play) for name, play in plays.items()}
            return {name: future.result() for name, future in futures.items()}

    deploy.up(ref, reporter=Printer(unchanged=False))
    yield play_all
    deploy.destroy(ref, reporter=Printer(unchanged=False))
    await_no_nodes(connect(cluster.kubeconfig), [pool.name for pool in parsed.pools])
