"""The quotas of a stack: computed from its file, true to the graph that is planned, and what the docs say."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from elastic_vllm import catalog
from elastic_vllm.catalog import CatalogueError, CloudName, Purchase
from elastic_vllm.clouds.aws import quotas as aws
from elastic_vllm.clouds.gcp import quotas as gcp
from elastic_vllm.estimate.quotas import of_pool, quotas
from elastic_vllm.stack_file.config import StackConfig, parse, read_stack_file
from elastic_vllm.stack_file.parsing import validate
from elastic_vllm.testing.values import items, mapping
from fleet.cli.main import app
from tests.gcp import recorded
from tests.gcp_discovery import document
from tests.manifests import inputs

ROOT = Path(__file__).parents[2]
STACKS = {"aws": ("aws-dev", "aws-prod"), "gcp": ("gcp-dev", "gcp-prod")}
COUNTS_ALL = {"CPUS", "CPUS_ALL_REGIONS", "GPUS_ALL_REGIONS", "L-1216C47A", "PREEMPTIBLE_CPUS"}
"""Quotas that count more than one family."""
AWS: dict[str, object] = {"cloud": "aws", "region": "eu-central-1"}
GCP: dict[str, object] = {"cloud": "gcp", "project": "acme-inference", "region": "europe-west4"}


def declared(stack: str) -> StackConfig:
    return parse(read_stack_file(ROOT / "stacks" / f"Pulumi.{stack}.yaml"))


def needed(cluster: dict[str, object], **pool: object) -> dict[str, int]:
    pools = [{"name": "p", "maxNodes": 4, **pool}]
    return {quota.name: quota.needed for quota in quotas(validate({"cluster": cluster, "pools": pools}))}


def docs_table(cloud: str) -> str:
    """The table of the cloud's page, as it has to be."""
    stacks = STACKS[cloud]
    found = {stack: {quota.name: quota for quota in quotas(declared(stack))} for stack in stacks}
    lines = [f"| quota | {' | '.join(f'`{stack}`' for stack in stacks)} |", f"|---|{'---:|' * len(stacks)}"]
    for name, row in catalog.quotas("aws" if cloud == "aws" else "gcp").items():
        counts = [f"{found[stack][name].needed:,}" if name in found[stack] else "–" for stack in stacks]
        if set(counts) != {"–"}:
            lines.append(f"| {row.title} (`{name}`), {row.counts} | {' | '.join(counts)} |")
    return "\n".join(lines)


@pytest.mark.parametrize("cloud", STACKS)
def test_the_docs_say_what_is_computed(cloud: str) -> None:
    assert docs_table(cloud) in (ROOT / "docs" / f"{cloud}.md").read_text()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"accelerator": "a10g"}, {"L-DB2E81BA": 16}),
        ({"accelerator": "a10g", "capacity": "spot"}, {"L-3819A6DF": 16}),
        ({"accelerator": "l4", "capacity": "spot-then-on-demand"}, {"L-DB2E81BA": 16, "L-3819A6DF": 16}),
        (
            {"accelerator": "l4", "capacity": "spot-then-on-demand", "minNodes": 1},
            {"L-DB2E81BA": 20, "L-3819A6DF": 12},  # one more while a kept node is replaced
        ),
        ({"accelerator": "h100", "gpusPerNode": 8, "capacity": "spot"}, {"L-C4BD4855": 768}),
        ({"accelerator": "a100-80", "gpusPerNode": 8, "capacity": "spot"}, {"L-7212CCBC": 384}),
    ],
)
def test_aws_counts_vcpus_by_family_and_by_way_of_buying(
    keys: dict[str, object], expected: dict[str, int]
) -> None:
    system = {"L-1216C47A": 6, "L-0263D0A3": 1}
    assert needed(AWS, **keys) == expected | system


@pytest.mark.parametrize("stack", [name for names in STACKS.values() for name in names])
def test_a_pools_own_part_is_counted_as_the_stacks_is(stack: str) -> None:
    config = declared(stack)
    parts = [of_pool(config, pool) for pool in config.pools]
    whole = {quota.name: quota for quota in quotas(config)}
    for name in {quota.name for part in parts for quota in part}:
        counted = sum(quota.needed for part in parts for quota in part if quota.name == name)
        machines = [why for why in whole[name].because if why.partition("(")[2].startswith("pool ")]
        assert counted == whole[name].needed or len(machines) < len(whole[name].because), name


def test_a_reservation_counts_as_on_demand_and_a_capacity_block_not_at_all() -> None:
    keys = {"accelerator": "h100", "gpusPerNode": 8, "capacity": "reserved"}
    held = {"name": "cr-0123456789abcdef0", "zone": "eu-central-1a"}
    assert needed(AWS, **keys, reservation=held)["L-417A185B"] == 768
    assert "L-417A185B" not in needed(AWS, **keys, reservation={**held, "block": True})


def test_google_counts_gpus_and_disks() -> None:
    found = needed(GCP, accelerator="l4", machine="g2-standard-48", gpusPerNode=4, capacity="flex-start")
    assert found == {
        "GPUS_ALL_REGIONS": 16,
        "PREEMPTIBLE_NVIDIA_L4_GPUS": 16,
        "CPUS": 12,
        "CPUS_ALL_REGIONS": 4 * 48 + 12,
        "PREEMPTIBLE_CPUS": 4 * 48,
        "IN_USE_ADDRESSES": 1,
        "PREEMPTIBLE_LOCAL_SSD_GB": 6000,
        "SSD_TOTAL_GB": 4 * 200 + 3 * 100,
    }


def test_google_counts_the_vcpus_of_every_node_together_and_local_disks_by_family() -> None:
    found = {quota.name: quota.needed for quota in quotas(declared("gcp-prod"))}
    assert found["CPUS_ALL_REGIONS"] == 12 * 12 + 9 * 12 + 5 * 4
    assert needed(GCP, accelerator="h100", gpusPerNode=8)["Local SSD of A3"] == 4 * 6000


def test_a_machine_that_boots_from_hyperdisk_counts_there() -> None:
    found = needed(GCP, accelerator="rtx-pro-6000")
    assert (found["Hyperdisk Balanced"], found["SSD_TOTAL_GB"]) == (4 * 200, 3 * 100)


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_no_machine_of_the_catalogue_goes_uncounted_however_it_is_bought(cloud: CloudName) -> None:
    cluster = AWS if cloud == "aws" else GCP
    gpu_rows = {name for name, row in catalog.quotas(cloud).items() if row.counts in ("vCPUs", "GPUs")}
    for machine in catalog.machines(cloud).values():
        for capacity in set(get_args(Purchase)) - ({"flex-start"} if cloud == "aws" else set()):
            held = {"reservation": {"name": "cr-1", "zone": "z"}} if capacity == "reserved" else {}
            shape = {"accelerator": machine.accelerator, "gpusPerNode": machine.gpus, "machine": machine.name}
            found = needed(cluster, **shape, capacity=capacity, **held)
            rows = (found.keys() & gpu_rows) - COUNTS_ALL
            assert len(rows) == 1, (machine.name, capacity, rows)


def test_googles_names_are_those_of_its_own_api() -> None:
    quota = mapping(mapping(document("compute.v1")["schemas"])["Quota"])
    metrics = items(mapping(mapping(quota["properties"])["metric"])["enum"])
    rows = catalog.quotas("gcp").values()
    assert {row.name for row in rows if not row.estimated} <= set(metrics)


@pytest.mark.parametrize("stack", STACKS["gcp"])
def test_the_disks_that_are_counted_are_those_that_are_planned(stack: str) -> None:
    graph = recorded(stack)
    planned = [inputs(graph, item.name) for item in graph.of_type("gcp:container/nodePool:NodePool")]
    size = sum(
        pool["autoscaling"]["totalMaxNodeCount"] * pool["nodeConfig"]["diskSizeGb"] for pool in planned
    )
    (counted,) = [quota.needed for quota in quotas(declared(stack)) if quota.name == "SSD_TOTAL_GB"]
    assert counted == size


def test_the_embedded_cluster_needs_nobodys_leave() -> None:
    assert quotas(declared("local")) == ()


@pytest.mark.parametrize(
    ("vcpus_of", "machine", "vcpus"),
    [
        (aws.vcpus_of, "m7i.large", 2),
        (aws.vcpus_of, "m7i.xlarge", 4),
        (aws.vcpus_of, "c7i.12xlarge", 48),
        (gcp.vcpus_of, "e2-standard-4", 4),
        (gcp.vcpus_of, "n2-custom-4-8192", 4),
        (gcp.vcpus_of, "custom-6-16384-ext", 6),
        (gcp.vcpus_of, "c4-highmem-8-lssd", 8),
        (gcp.vcpus_of, "e2-micro", 2),
    ],
)
def test_a_system_machines_name_tells_its_vcpus(
    vcpus_of: Callable[[str], int], machine: str, vcpus: int
) -> None:
    assert vcpus_of(machine) == vcpus


@pytest.mark.parametrize(
    ("vcpus_of", "machine", "example"),
    [(aws.vcpus_of, "i4i.metal", r"m7i\.large"), (gcp.vcpus_of, "a3-highgpu-8g", "e2-standard-4")],
)
def test_a_name_that_tells_nothing_is_an_error_with_an_example(
    vcpus_of: Callable[[str], int], machine: str, example: str
) -> None:
    with pytest.raises(CatalogueError, match=f"{machine} does not tell its vCPUs; take one as in {example}"):
        vcpus_of(machine)


@pytest.mark.parametrize(
    ("system", "counted"),
    [("m7i.large", {"L-1216C47A": 6}), ("g5.xlarge", {"L-DB2E81BA": 12}), ("x2iedn.xlarge", {})],
)
def test_a_system_node_counts_in_the_family_of_its_machine(system: str, counted: dict[str, int]) -> None:
    found = needed({**AWS, "systemMachine": system}, accelerator="h100", capacity="spot")
    assert found == {"L-C4BD4855": 64, "L-0263D0A3": 1} | counted


def test_the_command_lists_each_quota_with_its_reason() -> None:
    shown = CliRunner().invoke(app, ["quotas", "--stack", "aws-prod"]).output
    assert "768 vCPUs" in shown
    assert "4 x p5.48xlarge" in shown
    assert "3 addresses" in shown
    local = CliRunner().invoke(app, ["quotas"]).output
    assert local == "local stacks need no cloud quota\n"
