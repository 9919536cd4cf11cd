"""What the simulated kubelets are told: what changed, one call after the other, and no failure unheard."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from fleet.drill.kubelets import BUSY_UNTIL, CPU_USAGE, Kubelets
from fleet.kube.apiserver import ApiError, Apiserver
from fleet.kube.kubeconfig import Connection
from fleet.kube.objects import Object, Ref


class Annotations(Apiserver):
    """Remembers what is annotated; fails as it is told, and waits while its gate is closed."""

    def __init__(self) -> None:
        super().__init__(Connection("http://nowhere.invalid", {}, None))
        self.written: list[tuple[str, str, str]] = []
        self.codes: dict[str, int] = {}
        self.gate = threading.Event()
        self.gate.set()

    def merge(self, ref: Ref, patch: Object) -> Object:
        assert self.gate.wait(5)
        assert (ref.api_version, ref.kind, ref.namespace) == ("v1", "Pod", "inference")
        if code := self.codes.get(ref.name):
            raise ApiError(code, {"message": f"status {code}"})
        match patch:
            case {"metadata": {"annotations": {**annotations}}}:
                assert annotations.keys() == {CPU_USAGE, BUSY_UNTIL}
                values = (str(annotations[CPU_USAGE]), str(annotations[BUSY_UNTIL]))
                self.written.append((ref.name, *values))
        return {}


@pytest.fixture
def api() -> Annotations:
    return Annotations()


@pytest.fixture
def kubelets(api: Annotations) -> Iterator[Kubelets]:
    with ThreadPoolExecutor(4) as pool:
        yield Kubelets(api, "inference", pool)
        api.gate.set()


def heard(kubelets: Kubelets) -> None:
    """Wait until every call came back, whatever it came back with."""
    for call in kubelets._calls.values():
        call.exception(5)


def tell(kubelets: Kubelets, pod: str, cores: float, until: float = 0) -> None:
    kubelets.tell(pod, cores, until)
    heard(kubelets)


def test_a_replicas_usage_and_the_end_of_its_work_go_to_its_pod(kubelets: Kubelets, api: Annotations) -> None:
    tell(kubelets, "a", 1.5, 12)
    assert api.written == [("a", "1500m", "12")]


@pytest.mark.parametrize(
    ("cores", "usage"), [(0, "0m"), (0.014, "10m"), (0.017, "20m"), (1.2344, "1230m"), (12, "12000m")]
)
def test_usage_is_told_in_steps_of_ten_millicores(
    kubelets: Kubelets, api: Annotations, cores: float, usage: str
) -> None:
    tell(kubelets, "a", cores)
    assert api.written == [("a", usage, "0")]


def test_the_end_of_work_is_told_in_whole_seconds_and_never_too_early(
    kubelets: Kubelets, api: Annotations
) -> None:
    tell(kubelets, "a", 1, 3.2)
    assert api.written == [("a", "1000m", "4")]


def test_what_was_told_already_is_not_told_again(kubelets: Kubelets, api: Annotations) -> None:
    for cores in (1.5, 1.5, 1.501):
        tell(kubelets, "a", cores, 4)
    assert api.written == [("a", "1500m", "4")]


def test_a_change_of_either_is_told(kubelets: Kubelets, api: Annotations) -> None:
    tell(kubelets, "a", 1.5, 4)
    tell(kubelets, "a", 1.6, 4)
    tell(kubelets, "a", 1.6, 3)
    assert api.written == [("a", "1500m", "4"), ("a", "1600m", "4"), ("a", "1600m", "3")]


def test_each_replica_is_told_its_own(kubelets: Kubelets, api: Annotations) -> None:
    tell(kubelets, "a", 1)
    tell(kubelets, "b", 1)
    assert api.written == [("a", "1000m", "0"), ("b", "1000m", "0")]


def test_a_call_under_way_is_not_overtaken_and_the_next_one_tells_the_newest(
    kubelets: Kubelets, api: Annotations
) -> None:
    api.gate.clear()
    for cores in (1, 2, 3):
        kubelets.tell("a", cores, 0)
    api.gate.set()
    heard(kubelets)
    assert api.written == [("a", "1000m", "0")]
    tell(kubelets, "a", 3)
    assert api.written == [("a", "1000m", "0"), ("a", "3000m", "0")]


def test_one_slow_kubelet_does_not_hold_up_another(kubelets: Kubelets, api: Annotations) -> None:
    api.gate.clear()
    kubelets.tell("a", 1, 0)
    kubelets.tell("b", 2, 0)
    api.gate.set()
    heard(kubelets)
    assert sorted(api.written) == [("a", "1000m", "0"), ("b", "2000m", "0")]


def test_a_replica_that_is_gone_meanwhile_is_no_failure(kubelets: Kubelets, api: Annotations) -> None:
    api.codes["a"] = 404
    for cores in (1, 2):
        tell(kubelets, "a", cores)
    tell(kubelets, "b", 1)
    assert api.written == [("b", "1000m", "0")]


@pytest.mark.parametrize("code", [403, 409, 422, 500])
@pytest.mark.parametrize("cores", [1, 2], ids=["the same again", "something new"])
def test_any_other_refusal_surfaces_when_the_replica_is_told_next(
    kubelets: Kubelets, api: Annotations, code: int, cores: float
) -> None:
    api.codes["a"] = code
    tell(kubelets, "a", 1)
    with pytest.raises(ApiError, match=f"status {code}"):
        kubelets.tell("a", cores, 0)
