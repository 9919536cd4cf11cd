"""Reads the YAML tables, those of this folder and of each cloud's, into typed, immutable rows, each once.

A row names its source by a key of its file's ``sources``; a row that names none does not load.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args

import yaml
from pydantic import TypeAdapter

from elastic_vllm.catalog.grounds import Source, cited
from elastic_vllm.catalog.rows import (
    AcceleratorRow,
    CloudName,
    CpuRow,
    Efficiency,
    LoadingRow,
    MachineRow,
    ModelRow,
    OfferRow,
    QuotaRow,
    Row,
    ServiceRow,
    SupportRow,
    TimingRow,
    ZonesRow,
)

# libyaml reads these files ten times faster; a PyYAML built without it still works.
_Loader: type[yaml.CSafeLoader] | type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_Fields = dict[str, object]
_Table = dict[str, _Fields]
_SECTIONS = TypeAdapter(dict[str, _Table | _Fields | str])
_TABLE = TypeAdapter(_Table)
_FIELDS = TypeAdapter(_Fields)
_SOURCES = TypeAdapter(dict[str, Source])

RowT = TypeVar("RowT", bound=Row)


def load(path: Path) -> Any:  # Any: YAML is as deep as it likes; a pydantic type judges it
    """A YAML table that the package ships, as plain data."""
    return yaml.load(path.read_bytes(), _Loader)  # noqa: S506  # both are safe


@cache
def _read(file: str) -> Mapping[str, object]:
    return _SECTIONS.validate_python(load(Path(__file__).parent / file))


def _of(cloud: CloudName, part: Literal["catalogue", "offers"] = "catalogue") -> str:
    """A file with what is known of a cloud; it lies in the cloud's folder."""
    return f"../clouds/{cloud}/{part}.yaml"


def clouds() -> tuple[CloudName, ...]:
    """The clouds that have machines."""
    names: tuple[CloudName, ...] = get_args(CloudName)
    return names


def _row(kind: type[RowT], file: str, *parts: object, **fields: object) -> RowT:
    """One row: its parts laid over each other, its source key replaced by the citation and its date."""
    sources = _TABLE.validate_python(_read(file)["sources"])
    merged: _Fields = {}
    for part in parts:
        merged |= _FIELDS.validate_python(part)
    merged |= fields
    key = merged.pop("source", None)
    cited = sources.get(key) if isinstance(key, str) else None
    if cited is None:
        raise ValueError(
            f"{file}: row {fields.get('name', '')!r} cites {key!r}; sources has: {', '.join(sources)}"
        )
    return kind.model_validate(merged | cited)


def _rows(kind: type[RowT], file: str, section: str, **fields: object) -> Mapping[str, RowT]:
    table = _TABLE.validate_python(_read(file)[section])
    return MappingProxyType({name: _row(kind, file, row, name=name, **fields) for name, row in table.items()})


@cache
def models() -> Mapping[str, ModelRow]:
    """Every checkpoint by its hub id."""
    sizes = _TABLE.validate_python(_read("models.yaml")["sizes"])
    table = _TABLE.validate_python(_read("models.yaml")["checkpoints"])
    return MappingProxyType(
        {
            name: _row(ModelRow, "models.yaml", sizes[str(row["size"])], row, name=name)
            for name, row in table.items()
        }
    )


@cache
def accelerators() -> Mapping[str, AcceleratorRow]:
    """Every accelerator by its neutral name."""
    rows = _rows(AcceleratorRow, "accelerators.yaml", "accelerators")
    cited(_citations(), [(name, row.peak) for name, row in rows.items()])
    return rows


@cache
def efficiency() -> Efficiency:
    """The share of a GPU's peaks that an engine reaches."""
    found = Efficiency.model_validate(_read("accelerators.yaml")["efficiency"])
    cited(_citations(), [(name, getattr(found, name)) for name in Efficiency.model_fields])
    return found


def _citations() -> Mapping[str, Source]:
    """The citations of ``accelerators.yaml``, which its peaks name by their keys."""
    return _SOURCES.validate_python(_read("accelerators.yaml")["sources"])


def price_region(cloud: CloudName) -> str:
    """The region whose prices the catalogue of a cloud has; those of others are factors of them."""
    return str(_read(_of(cloud))["priceRegion"])


@cache
def machines(cloud: CloudName) -> Mapping[str, MachineRow]:
    """Every machine type of a cloud by the cloud's own name."""
    file = _of(cloud)
    spot = _FIELDS.validate_python(_read(file)["spot"])
    own = {"cloud": cloud, "priceRegion": price_region(cloud), "spotFactor": spot["priceFactor"]}
    return _rows(MachineRow, file, "machines", **own)


@cache
def services(cloud: CloudName) -> Mapping[str, ServiceRow]:
    """What a cloud bills beside GPU machines, by our own name or by the machine's."""
    return _rows(ServiceRow, _of(cloud), "services", priceRegion=price_region(cloud))


@cache
def quotas(cloud: CloudName) -> Mapping[str, QuotaRow]:
    """The quotas of a cloud that the program's machines count against."""
    return _rows(QuotaRow, _of(cloud), "quotas")


def node_autoscaler(cloud: CloudName) -> str:
    """The product that adds and removes nodes on a cloud, where a stack chooses no other."""
    return str(_read(_of(cloud))["nodeAutoscaler"])


@cache
def timing(cloud: CloudName) -> TimingRow:
    """How long a cloud takes to bring a node."""
    return _row(TimingRow, _of(cloud), _read(_of(cloud))["timing"])


@cache
def loading() -> LoadingRow:
    """How long a replica takes to become Ready, apart from what its accelerator decides."""
    return _row(LoadingRow, "models.yaml", _read("models.yaml")["loading"])


@cache
def cpu() -> CpuRow:
    """What keeps a replica's CPU busy."""
    return _row(CpuRow, "models.yaml", _read("models.yaml")["cpu"])


@cache
def offers(cloud: CloudName) -> Mapping[str, OfferRow]:
    """Where machines and services are sold, and by what factor prices differ, by the start of their names."""
    return _rows(OfferRow, _of(cloud, "offers"), "offers")


@cache
def zones(cloud: CloudName) -> Mapping[str, ZonesRow]:
    """The zones of the regions that are known."""
    return _rows(ZonesRow, _of(cloud, "offers"), "zones")


@cache
def kubernetes_support(cloud: CloudName) -> Mapping[str, SupportRow]:
    """Until when a cloud supports versions of Kubernetes; none where the cloud upgrades them itself."""
    file = _of(cloud)
    return _rows(SupportRow, file, "kubernetes") if "kubernetes" in _read(file) else MappingProxyType({})


@cache
def vllm_metrics() -> frozenset[str]:
    """The metrics of the pinned vLLM, by their own names."""
    lines = Path(__file__).with_name("vllm_metrics.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
