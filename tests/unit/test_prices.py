"""Prices of regions: against lists of other sources and years, and what is said where none is known."""

import json
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest

from elastic_vllm import catalog
from elastic_vllm.catalog import CloudName, regions, tables
from elastic_vllm.estimate.cost import envelope
from elastic_vllm.stack_file.config import StackConfig, parse, read_stack_file
from fleet.plan import format as text

STACKS = Path(__file__).parents[2] / "stacks"

AWS_2025_03_02 = """
g5.xlarge ap-northeast-1 1.459
g5.4xlarge eu-west-1 1.81287
g5.16xlarge eu-central-1 5.12204
g5.48xlarge eu-west-2 20.67572
g6.xlarge ap-northeast-1 1.1672
g6.xlarge ap-south-1 0.9664
g6.xlarge ca-central-1 0.8936
g6.xlarge eu-central-1 1.0064
g6.xlarge eu-west-2 1.0216
g6.xlarge us-west-2 0.8048
g6.12xlarge eu-south-2 4.8486
g6.48xlarge eu-west-3 16.94678
g6e.xlarge ap-northeast-1 2.699
g6e.2xlarge eu-central-1 2.8035
g6e.12xlarge eu-north-1 11.12975
gr6.8xlarge ap-northeast-2 3.00809
"""
"""AWS's price list as apache-libcloud 3.9.1 has it (`updated`: 2025-03-02); the table's factors are newer."""
GCP_2025_03_06 = """
a2-highgpu-1g me-west1 4.0407237
a2-highgpu-1g us-west3 4.325068684
a2-highgpu-1g us-west4 3.934354926
a3-highgpu-2g asia-east1 25.5896950176438
a3-highgpu-2g asia-south1 23.0336961859726
a3-highgpu-2g europe-west3 26.1078380219726
a3-highgpu-2g europe-west4 28.1351197938082
a3-highgpu-2g us-east5 24.8958002536438
"""
"""Google's SKUs as Cyclenerd/google-cloud-pricing-cost-calculator sums them in pricing.yml of 2025-03-06."""
PAIRS = [
    ("aws" if listed is AWS_2025_03_02 else "gcp", *line.split())
    for listed in (AWS_2025_03_02, GCP_2025_03_06)
    for line in listed.split("\n")
    if line
]


def in_region(cloud: CloudName, name: str, region: str) -> catalog.MachineRow:
    return catalog.machine_in(catalog.machines(cloud)[name], region)


@pytest.mark.parametrize(("cloud", "name", "region", "usd"), PAIRS)
def test_prices_agree_with_a_list_of_another_source(
    cloud: CloudName, name: str, region: str, usd: str
) -> None:
    found = in_region(cloud, name, region)
    assert found.usd_per_hour == pytest.approx(float(usd), rel=0.01)
    assert found.price_region == region


def test_the_list_is_long_enough_to_mean_something() -> None:
    assert len({(name, region) for _, name, region, _ in PAIRS}) >= 20


def moved(name: str, region: str, **keys: object) -> StackConfig:
    raw = read_stack_file(STACKS / f"Pulumi.{name}.yaml")
    cluster = {key: value for key, value in dict(raw["cluster"]).items() if key != "zones"}  # type: ignore[call-overload]  # YAML
    return parse({**raw, "cluster": {**cluster, "region": region, **keys}})


def test_one_stack_in_three_regions_has_three_bills() -> None:
    bills = {
        region: envelope(moved("aws-dev", region)).total.max.on_demand
        for region in ("us-east-1", "eu-central-1", "ap-northeast-1")
    }
    assert bills["eu-central-1"] / bills["us-east-1"] == pytest.approx(1.23, abs=0.03)
    assert bills["ap-northeast-1"] / bills["us-east-1"] == pytest.approx(1.40, abs=0.04)
    google = [envelope(moved("gcp-dev", region)).total.max for region in ("us-central1", "europe-west4")]
    assert google[0].on_demand < google[1].on_demand


def test_what_has_no_price_in_the_region_is_named() -> None:
    assert envelope(moved("aws-prod", "us-east-1")).elsewhere == ()
    found = envelope(moved("aws-dev", "eu-north-1"))
    assert set(found.elsewhere) == {"disk-gib", "endpoint"}
    assert (found.region, found.price_region) == ("eu-north-1", "us-east-1")
    assert any("eu-north-1 by factors" in source.text for source in found.sources)
    assert text.prices(found, date(2026, 11, 30)).endswith(
        "; of us-east-1, for want of others: disk-gib, endpoint"
    )
    assert text.spot(found) == "g6.xlarge 26% of on demand (seen: 25% to 26%)"


def test_a_region_that_no_source_has_keeps_the_price_of_the_catalogues_own() -> None:
    unknown = in_region("aws", "g6.xlarge", "ap-south-2")
    assert (unknown.usd_per_hour, unknown.price_region) == (0.8048, "us-east-1")
    assert catalog.sold(unknown, "ap-south-2") is None
    assert unknown.spot_range is None


def test_a_region_that_is_asked_and_has_none_is_told_from_one_that_nobody_asked() -> None:
    g6, young = catalog.machines("aws")["g6.xlarge"], catalog.machines("aws")["g7e.2xlarge"]
    assert [catalog.sold(g6, region) for region in ("eu-central-1", "eu-west-1")] == [True, False]
    assert catalog.sold(young, "eu-west-1") is None
    assert catalog.nearest(g6, "eu-west-1")[0].startswith("eu-")


def test_the_longest_start_of_a_name_decides() -> None:
    found = [regions.offer("aws", name) for name in ("p5.4xlarge", "p5.48xlarge", "g6e.xlarge")]
    assert [row.name for row in found if row] == ["p5.4xlarge", "p5.48xlarge", "g6e."]


def test_spot_is_what_was_seen_in_the_region_or_marked_as_assumed() -> None:
    madrid, tokyo = (in_region("aws", "g6.xlarge", name) for name in ("eu-south-2", "ap-northeast-1"))
    assert madrid.spot_factor < 0.2 < tokyo.spot_factor
    assert tokyo.spot_range == (0.4, 0.44)
    assumed = catalog.machines("aws")["g6.xlarge"]
    assert (assumed.spot_factor, assumed.spot_range) == (0.5, None)


def test_every_offer_is_of_something_that_has_a_row_and_every_zone_of_a_region() -> None:
    for cloud in catalog.clouds():
        names = [*catalog.machines(cloud), *catalog.services(cloud)]
        for prefix, row in tables.offers(cloud).items():
            assert any(name.startswith(prefix) for name in names), prefix
            own = row.regions.get(catalog.price_region(cloud))
            assert own is None or own.factor in (1, None), prefix
            for region, there in row.regions.items():
                letters = catalog.zones(cloud)[region].letters if there.zones else ""
                assert there.zones.isdigit() or set(there.zones) <= set(letters), (prefix, region)


@pytest.mark.parametrize(("version", "extended"), [("1.33", 0.50), ("1.36", 0)])
def test_an_old_kubernetes_costs_extended_support(version: str, extended: float) -> None:
    stack = moved("aws-dev", "us-east-1")
    old = stack.cluster.model_copy(update={"kubernetes": version})  # which the plan of today refuses
    plain = envelope(stack).fixed_usd_per_hour
    found = envelope(stack.model_copy(update={"cluster": old}))
    assert found.fixed_usd_per_hour == pytest.approx(plain + extended)
    assert catalog.kubernetes_support("aws")["1.33"].standard_until < date(2026, 11, 30)


def test_floors_are_never_priced_as_spot() -> None:
    config = parse(read_stack_file(STACKS / "Pulumi.gcp-prod.yaml"))
    found = envelope(config)
    (gpu,) = found.pools
    floor = config.pools[0].min_nodes
    assert gpu.rates.min.spot == pytest.approx(floor * gpu.node.on_demand)
    assert gpu.rates.max.spot == pytest.approx(
        floor * gpu.node.on_demand + (gpu.nodes.max - floor) * gpu.node.spot
    )


@pytest.mark.parametrize(
    ("region", "zones"),
    [
        ("eu-central-1", "abc"),
        ("ap-northeast-1", "acd"),
        ("ca-central-1", "abd"),
        ("us-west-2", "abc"),
        ("xx-north-1", "abc"),
    ],
)
def test_default_zones_are_zones_that_the_region_has(region: str, zones: str) -> None:
    assert catalog.default_zones("aws", region) == zones


def test_the_script_takes_the_price_of_shared_machines_from_both_packages(tmp_path: Path) -> None:
    listed = {
        "m7i.large": {"eu-west-1": 0.1236, "us-gov-west-1": 0.2},  # of a dedicated machine
        "m7i.xlarge": {"eu-west-1": 0.2247, "sa-east-1": 0.0},
        "m7i.metal-24xl": {"eu-west-1": 0.01},
    }
    wheel, module = tmp_path / "libcloud.whl", tmp_path / "karpenter.zip"
    with zipfile.ZipFile(wheel, "w") as package:
        pricing = {"compute": {"ec2_linux": listed}, "updated": 1740936978}
        package.writestr("libcloud/data/pricing.json", json.dumps(pricing))
    with zipfile.ZipFile(module, "w") as package:
        go = '"m7i.large": 0.100800, "m7i.xlarge": 0.201600, "m7i.metal-24xl": 4.8384,'
        package.writestr("karpenter@v1/pkg/providers/pricing/zz_generated.pricing_aws.go", go)
    script = STACKS.parent / "scripts" / "region_factors"
    done = subprocess.run(
        [sys.executable, str(script), str(wheel), str(module), "m7i."],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == [
        "# by the list of 2025-03-02",
        "  m7i.:",
        "    source: libcloud",
        "    regions:",
        "      eu-west-1: {factor: 1.1146}",
    ]
