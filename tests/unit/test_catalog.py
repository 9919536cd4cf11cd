"""The catalogue: every row typed, sourced and dated, and consistent with the others."""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from elastic_vllm import catalog
from elastic_vllm.catalog import CatalogueError, CloudName, rows, tables

FOLDER = Path(catalog.__file__).parent
CLOUDS = catalog.clouds()
PARTS = ("machines", "quotas", "services")
SIZES = ("2B", "4B", "8B", "32B", "30B-A3B", "235B-A22B")


def every_row() -> list[rows.Row]:
    machines = [row for cloud in CLOUDS for row in catalog.machines(cloud).values()]
    times = [catalog.loading(), *map(catalog.timing, CLOUDS)]
    services = [row for cloud in CLOUDS for row in catalog.services(cloud).values()]
    return [*catalog.models().values(), *catalog.accelerators().values(), *machines, *services, *times]


def test_every_row_has_a_source_and_a_date_that_has_passed() -> None:
    assert len(every_row()) > 100
    for row in every_row():
        assert len(row.source) > 20
        assert date(2025, 1, 1) < row.as_of <= date.today()  # noqa: DTZ011  # the tables carry plain dates


@pytest.mark.parametrize(
    ("file", "section"),
    [
        ("models.yaml", "checkpoints"),
        ("models.yaml", "sizes"),
        ("accelerators.yaml", "accelerators"),
        *((f"../clouds/{cloud}/catalogue.yaml", part) for cloud in CLOUDS for part in PARTS),
        *((f"../clouds/{cloud}/offers.yaml", part) for cloud in CLOUDS for part in ("offers", "zones")),
    ],
)
def test_every_row_in_the_files_cites_a_source_of_its_file(file: str, section: str) -> None:
    document = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))
    for name, row in document[section].items():
        assert row["source"] in document["sources"], name
    for cited in document["sources"].values():
        assert set(cited) == {"source", "asOf"}


def test_a_row_without_a_source_does_not_load() -> None:
    table = yaml.safe_load((FOLDER / "accelerators.yaml").read_text(encoding="utf-8"))["accelerators"]
    table["l4"].pop("source")
    with pytest.raises(ValueError, match=r"row 'l4' cites None; sources has: ec2"):
        tables._row(rows.AcceleratorRow, "accelerators.yaml", table["l4"], name="l4")


def test_a_row_with_a_stray_key_does_not_load() -> None:
    table = yaml.safe_load((FOLDER / "accelerators.yaml").read_text(encoding="utf-8"))["accelerators"]
    with pytest.raises(ValidationError, match="memoryMb"):
        tables._row(rows.AcceleratorRow, "accelerators.yaml", table["l4"] | {"memoryMb": 1}, name="l4")


def test_a_row_cannot_change_after_loading() -> None:
    with pytest.raises(ValidationError):
        catalog.accelerators()["l4"].memory_mib = 1  # type: ignore[misc]  # what is tested
    with pytest.raises(TypeError):
        catalog.models()["x"] = catalog.models()["Qwen/Qwen3-VL-2B-Instruct"]  # type: ignore[index]  # likewise


def test_the_files_name_no_path_of_a_machine() -> None:
    for file in (*FOLDER.glob("*.yaml"), *FOLDER.parent.glob("clouds/*/*.yaml")):
        assert re.findall(r"(?<![\w.])/[a-z]+/", file.read_text(encoding="utf-8")) == []


def test_all_sizes_are_there_in_both_flavours_and_both_precisions() -> None:
    wanted = {
        f"Qwen/Qwen3-VL-{size}-{kind}{fp8}"
        for size in SIZES
        for kind in ("Instruct", "Thinking")
        for fp8 in ("", "-FP8")
    }
    assert set(catalog.models()) == wanted


@pytest.mark.parametrize("row", catalog.models().values(), ids=lambda row: row.name)
def test_a_checkpoints_figures_agree_with_each_other(row: catalog.ModelRow) -> None:
    assert row.kv_bytes_per_token == 2 * row.layers * row.kv_heads * row.head_dim * 2
    assert all(row.attention_heads % tp == 0 for tp in row.valid_tp)
    assert set(row.fp8_block_tp) <= set(row.valid_tp)
    assert row.moe == (row.active_params_b < row.params_b)
    assert row.precision == ("fp8" if row.name.endswith("-FP8") else "bf16")
    assert row.estimated == (row.precision == "fp8")
    # Two bytes a parameter in bf16; one for most in FP8, so more than one and fewer than two.
    bytes_each = row.weights_gb / row.params_b
    assert bytes_each == pytest.approx(2, rel=0.02) if row.precision == "bf16" else 1 < bytes_each < 1.5


def test_accelerators_start_at_the_a10g_and_point_only_at_each_other() -> None:
    known = catalog.accelerators()
    assert {"a10g", "l4", "l40s", "a100-40", "a100-80", "h100", "h200", "b200"} <= set(known)
    for row in known.values():
        assert row.memory_mib >= known["a10g"].memory_mib
        assert set(row.nearest) <= set(known) - {row.name}
        assert row.fp8_compute == (float(row.compute_capability) >= 8.9)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_machines_carry_known_accelerators_and_keep_something_for_the_system(cloud: CloudName) -> None:
    for row in catalog.machines(cloud).values():
        assert row.accelerator in catalog.accelerators()
        assert row.cpu * 900 < row.allocatable_cpu_millis < row.cpu * 1000
        assert row.memory_mib * 0.8 < row.allocatable_memory_mib < row.memory_mib
        assert row.usd_per_hour is None or 0.3 < row.usd_per_hour / row.gpus < 30


def _gke_reserves_mib(memory: float) -> float:
    tiers = ((4096, 0.25), (8192, 0.20), (16_384, 0.10), (131_072, 0.06), (float("inf"), 0.02))
    below, reserved = 0.0, 100.0
    for upto, share in tiers:
        reserved += max(0.0, min(memory, upto) - below) * share
        below = upto
    return reserved


def test_allocatable_of_gcp_follows_the_published_formula_and_is_marked_as_estimated() -> None:
    for row in catalog.machines("gcp").values():
        assert row.estimated
        assert row.allocatable_memory_mib == pytest.approx(
            row.memory_mib - _gke_reserves_mib(row.memory_mib), abs=1
        )
        reserved = 60 + 10 + 2 * 5 + (row.cpu - 4) * 2.5
        assert row.allocatable_cpu_millis == pytest.approx(row.cpu * 1000 - reserved, abs=1)


def test_clouds_with_machines_are_the_folders_with_a_catalogue() -> None:
    assert {path.parent.name for path in FOLDER.parent.glob("clouds/*/catalogue.yaml")} == set(CLOUDS)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_machines_disk_has_a_price_and_its_family_a_quota(cloud: CloudName) -> None:
    families = {family for row in catalog.quotas(cloud).values() for family in row.families}
    for row in catalog.machines(cloud).values():
        assert row.boot_disk in {None, *catalog.services(cloud)}, row.name
        assert row.quota_family in families, row.name


def test_an_accelerator_without_peaks_does_not_load() -> None:
    row = yaml.safe_load((FOLDER / "accelerators.yaml").read_text(encoding="utf-8"))["accelerators"]["l4"]
    row.pop("peak")
    with pytest.raises(ValidationError, match="peak"):
        tables._row(rows.AcceleratorRow, "accelerators.yaml", row, name="t4")


def test_every_accelerator_can_be_had_on_some_cloud() -> None:
    had = {row.accelerator for cloud in CLOUDS for row in catalog.machines(cloud).values()}
    assert had == set(catalog.accelerators())


def test_the_cheapest_machine_with_the_gpus_is_chosen() -> None:
    chosen = catalog.machine_for("aws", "a10g", 1)
    prices = [
        r.usd_per_hour for r in catalog.machines("aws").values() if (r.accelerator, r.gpus) == ("a10g", 1)
    ]
    assert chosen.name == "g5.xlarge"
    assert chosen.usd_per_hour == min(price for price in prices if price)


def test_a_machine_without_a_price_is_chosen_only_when_no_priced_one_has_the_gpus() -> None:
    assert catalog.machine_for("aws", "h200", 8).name == "p5en.48xlarge"  # p5e has no price, and comes first
    assert catalog.machine_for("gcp", "b200", 8).usd_per_hour is None


def test_a_named_machine_is_taken_even_where_another_is_cheaper() -> None:
    assert catalog.machine_for("aws", "l4", 1, "gr6.4xlarge").name == "gr6.4xlarge"


@pytest.mark.parametrize(
    ("cloud", "accelerator", "gpus", "machine", "says"),
    [
        ("gcp", "a10g", 1, None, "gcp has no machine with a10g; the nearest it has is l4"),
        ("aws", "a100-80", 1, None, "no aws machine has 1 x a100-80; a node has 8"),
        ("aws", "k80", 1, None, "unknown accelerator 'k80'; the catalogue has: a10g, l4"),
        ("aws", "l4", 1, "g5.xlarge", r"g5.xlarge has 1 x a10g; with 1 x l4 there are: g6.xlarge"),
        ("aws", "l4", 4, "g6.xlarge", r"g6.xlarge has 1 x l4; with 4 x l4 there are: g6.12xlarge"),
        (
            "gcp",
            "l4",
            1,
            "g6.xlarge",
            "g6.xlarge is not a machine the gcp catalogue knows; with 1 x l4 there are: g2",
        ),
        (
            "gcp",
            "l40s",
            1,
            "g2-standard-4",
            "gcp has no machine with l40s; the nearest it has is rtx-pro-6000",
        ),
    ],
)
def test_a_machine_that_does_not_exist_is_refused_with_what_does(
    cloud: CloudName, accelerator: str, gpus: int, machine: str | None, says: str
) -> None:
    with pytest.raises(CatalogueError, match=says):
        catalog.machine_for(cloud, accelerator, gpus, machine)


def test_a_larger_checkpoint_streams_longer_and_more_gpus_take_longer_to_start() -> None:
    small = catalog.weights_seconds("Qwen/Qwen3-VL-8B-Instruct-FP8")
    assert 1 < small < catalog.weights_seconds("Qwen/Qwen3-VL-8B-Instruct")
    assert 30 < catalog.engine_seconds("h100", 1) < catalog.engine_seconds("h100", 8)


def test_weights_come_no_faster_than_the_machines_network_or_the_loader() -> None:
    model = "Qwen/Qwen3-VL-8B-Instruct-FP8"
    gigabytes = catalog.models()[model].weights_gb
    assert catalog.weights_seconds(model, 2500) == pytest.approx(gigabytes / 0.3125)
    assert catalog.weights_seconds(model, 400_000) == catalog.weights_seconds(model)


def test_what_an_earlier_replica_compiled_spares_its_share_of_the_start() -> None:
    cold, warm = (catalog.engine_seconds("l4", 2, compiled=compiled) for compiled in (False, True))
    share = catalog.loading().compile_share
    assert cold - warm == pytest.approx(catalog.accelerators()["l4"].start_seconds * share)


def test_the_load_time_of_what_is_unknown_is_refused_with_what_is_known() -> None:
    with pytest.raises(CatalogueError, match="unknown checkpoint 'x'; the catalogue has: Qwen/"):
        catalog.weights_seconds("x")
    with pytest.raises(CatalogueError, match="unknown accelerator 'x'; the catalogue has: a10g"):
        catalog.engine_seconds("x", 1)


def test_times_that_nobody_measured_say_that_they_are_assumed() -> None:
    for cloud in CLOUDS:
        assert (
            0
            < catalog.timing(cloud).boot_seconds
            < catalog.timing(cloud).boot_seconds + catalog.timing(cloud).image_pull_seconds
        )
        assert "assumed" in catalog.timing(cloud).source
    assert "assumed" in catalog.loading().source
    assert all("startSeconds is assumed" in row.source for row in catalog.accelerators().values())


def test_the_catalogue_and_the_specs_load_without_pulumi() -> None:
    program = "import sys, elastic_vllm.spec; sys.exit('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=FOLDER.parents[1], check=False).returncode == 0
