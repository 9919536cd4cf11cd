"""A whole stack on the embedded cluster, for tests that look at what the controllers make of it."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from elastic_vllm.stack_file import config as stack_config
from elastic_vllm.testing.values import items, mapping, text
from fleet import deploy
from fleet.cli.stack import Printer
from fleet.deploy.program import stack_ref
from fleet.drill.rest import await_no_nodes
from fleet.embedded.layout import Layout
from fleet.kube.apiserver import Apiserver, connect
from fleet.kube.objects import Object, metadata
from tests.plans import ROOT

PATIENCE_SECONDS = 90
"""Of waiting for what is expected within seconds: only a failure takes so long."""
CLUSTER = {"cloud": "local", "machines": "aws", "compression": 40}


@dataclass(frozen=True)
class Deployed:
    """The stack's namespace, and questions about it."""

    api: Apiserver
    namespace: str

    def pods(self, selector: str) -> Mapping[str, Object]:
        """Pods by name; those that are told to go are left out."""
        found = self.api.list("v1", "Pod", self.namespace, labelSelector=selector)
        there = [pod for pod in found if "deletionTimestamp" not in metadata(pod)]
        return {text(metadata(pod).get("name")): pod for pod in there}

    def ready(self, selector: str) -> Mapping[str, Object]:
        """Those of them that are Ready."""
        return {name: pod for name, pod in self.pods(selector).items() if is_ready(pod)}

    def until(self, reached: Callable[[], bool], what: str) -> None:
        """Look again and again until it is so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached():
            if time.monotonic() > deadline:
                pods = {name: (node_of(pod), is_ready(pod)) for name, pod in self.pods("").items()}
                raise AssertionError(f"{what}: not so in {PATIENCE_SECONDS} s; pods: {pods}")
            time.sleep(0.2)

    def scale(self, resource: str, name: str, replicas: int) -> None:
        """Set the replicas of ``deployments`` or another resource, as an autoscaler does."""
        self.api.send(
            "PATCH",
            f"/apis/{resource.partition('/')[0]}/v1/namespaces/{self.namespace}/{resource.partition('/')[2]}/{name}/scale",
            body={"spec": {"replicas": replicas}},
            content_type="application/merge-patch+json",
        )


@contextmanager
def deployed(cluster: Layout, namespace: str, sections: Mapping[str, Any]) -> Iterator[Deployed]:
    """The stack, up; afterwards destroyed, and its nodes given back."""
    raw = {
        "cluster": CLUSTER,
        "namespace": namespace,
        "autoscaler": {"consolidateAfterSeconds": 5},
        **sections,
    }
    stack_config.parse(raw)
    config = {
        f"{stack_config.PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in raw.items()
    }
    plain = stack_ref("local", root=ROOT, kubeconfig=cluster.kubeconfig, home=cluster.root)
    ref = replace(plain, name=namespace, config=config)
    api = connect(cluster.kubeconfig)
    try:
        deploy.up(ref, reporter=Printer(unchanged=False))
        yield Deployed(api, namespace)
    finally:
        deploy.destroy(ref, reporter=Printer(unchanged=False))
        await_no_nodes(api, [text(mapping(pool).get("name")) for pool in items(raw["pools"])])


def node_of(pod: Object) -> str:
    return text(mapping(pod.get("spec")).get("nodeName"))


def is_ready(pod: Object) -> bool:
    conditions = map(mapping, items(mapping(pod.get("status")).get("conditions")))
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
