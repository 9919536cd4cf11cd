"""A pool of several machines with the same GPUs: one requirement, planned at the dearest and the smallest."""

import pytest

from elastic_vllm import catalog
from elastic_vllm.clouds import karpenter
from elastic_vllm.estimate.placement import machine_of
from elastic_vllm.rules import errors
from elastic_vllm.spec import NodePoolSpec
from elastic_vllm.spec.finding import StackConfigError
from elastic_vllm.stack_file.parsing import validate
from tests.manifests import pool

SEVERAL = ("g6e.2xlarge", "g6e.4xlarge")


def l40s(**keys: object) -> NodePoolSpec:
    return pool(accelerator="l40s", machines=list(SEVERAL), **keys)


@pytest.mark.parametrize("cluster", [{"cloud": "aws", "region": "us-east-1"}, {"cloud": "local"}])
def test_it_is_planned_at_the_dearest_and_fits_the_smallest(cluster: dict[str, object]) -> None:
    raw = {"name": "p", "accelerator": "l40s", "machines": list(SEVERAL), "maxNodes": 2}
    config = validate({"cluster": cluster, "pools": [raw]})
    assert errors(config) == ()
    found, (small, large) = machine_of(config, config.pools[0]), map(catalog.machines("aws").get, SEVERAL)
    assert found
    assert small
    assert large
    assert found.usd_per_hour == large.usd_per_hour > (small.usd_per_hour or 0)  # type: ignore[operator]  # priced
    assert found.allocatable_memory_mib == small.allocatable_memory_mib < large.allocatable_memory_mib
    assert found.cpu == large.cpu  # the quota's


def test_karpenter_gets_them_all_in_one_requirement() -> None:
    ref = karpenter.NodeClassRef(group="g", kind="k", name="n")
    asked = l40s()
    machine = catalog.machine_for("aws", "l40s", 1, asked.chosen)
    requirements = karpenter.node_template(asked, machine, ref)["spec"]["requirements"]  # type: ignore[index]  # JSON
    (types,) = [each for each in requirements if each["key"] == "node.kubernetes.io/instance-type"]
    assert types["values"] == list(SEVERAL)


@pytest.mark.parametrize(
    ("machines", "words"),
    [
        (["g6e.2xlarge", "g6.xlarge"], ["g6.xlarge has 1 x l4", "g6e.2xlarge"]),
        (["g6e.2xlarge", "g6e.12xlarge"], ["g6e.12xlarge has 4 x l40s", "g6e.2xlarge"]),
    ],
)
def test_other_gpus_are_an_error_that_names_both(machines: list[str], words: list[str]) -> None:
    raw = {"name": "p", "accelerator": "l40s", "machines": machines, "maxNodes": 2}
    config = validate({"cluster": {"cloud": "aws", "region": "us-east-1"}, "pools": [raw]})
    (found,) = errors(config)
    assert (found.key, found.id) == ("pools[0].machines", "no-machine")
    assert all(word in found.message for word in words), found.message


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"machine": "g6e.2xlarge"}, "not used beside machine"),
        ({"machines": ["g6e.2xlarge", "g6e.2xlarge"]}, "name each machine once"),
        (
            {"capacity": "reserved", "reservation": {"name": "cr-0123456789abcdef0", "zone": "us-east-1a"}},
            "a reservation holds machines of one type",
        ),
    ],
)
def test_what_makes_no_sense_beside_them_is_refused(keys: dict[str, object], says: str) -> None:
    raw = {"name": "p", "accelerator": "l40s", "machines": list(SEVERAL), "maxNodes": 2, **keys}
    with pytest.raises(StackConfigError) as refused:
        validate({"cluster": {"cloud": "aws", "region": "us-east-1"}, "pools": [raw]})
    assert says in str(refused.value)


def test_gke_has_one_machine_type_in_a_pool() -> None:
    raw = {"name": "p", "accelerator": "l4", "machines": ["g2-standard-8", "g2-standard-12"], "maxNodes": 2}
    cluster = {"cloud": "gcp", "project": "acme-inference", "region": "europe-west4"}
    (found,) = errors(validate({"cluster": cluster, "pools": [raw]}))
    assert (found.key, found.id) == ("pools[0].machines", "one-machine-type")
