"""Sets what the simulated kubelets report of their replicas: annotations on pods, which kwok obeys."""

import math
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from elastic_vllm import labels
from fleet.kube.apiserver import ApiError, Apiserver
from fleet.kube.objects import Ref

CPU_USAGE = f"{labels.PREFIX}/cpu-usage"
"""On pods: the cores that the simulated kubelet reports as used."""
BUSY_UNTIL = f"{labels.PREFIX}/busy-until"
"""On pods: until when, in seconds since 1970, the replica has work. The simulated kubelet obeys it.

No duration: counted from the start of its termination, one that shrinks as the work does would end it early.
"""


@dataclass
class Kubelets:
    """What was last set for each replica's kubelet, and the calls that set it; none waits for another."""

    api: Apiserver
    namespace: str
    pool: ThreadPoolExecutor
    _told: dict[str, tuple[str, str]] = field(default_factory=dict)
    _calls: dict[str, Future[None]] = field(default_factory=dict)

    def tell(self, pod: str, cores: float, busy_until: float) -> None:
        """Set a pod's usage and its work's end (0: none), unless that was said or a call still runs."""
        values = (f"{round(cores * 100) * 10}m", str(math.ceil(busy_until)))
        running = self._calls.get(pod)
        if running is not None and not running.done():
            return
        if running is not None:
            running.result()  # a failure of the last call surfaces here
        if self._told.get(pod) == values:
            return
        self._told[pod] = values
        self._calls[pod] = self.pool.submit(self._send, pod, values)

    def _send(self, pod: str, values: tuple[str, str]) -> None:
        ref = Ref(api_version="v1", kind="Pod", namespace=self.namespace, name=pod)
        annotations = dict(zip((CPU_USAGE, BUSY_UNTIL), values, strict=True))
        try:
            self.api.merge(ref, {"metadata": {"annotations": annotations}})
        except ApiError as error:
            if error.code != 404:  # gone meanwhile: nothing to report
                raise
