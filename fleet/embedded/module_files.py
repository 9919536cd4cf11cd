"""What is copied out of Go modules: manifests for the cluster, sources for a build."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import yaml


def copy_manifests(folders: Iterable[Path], target: Path, *, terse: bool) -> None:
    """Copy all YAML files into a new folder, which appears when it is whole."""
    unfinished = _empty(target.with_suffix(".unfinished"))
    for folder in folders:
        for file in sorted(folder.glob("*.yaml")):
            copy = unfinished / file.name
            shutil.copyfile(file, copy)
            if terse:
                copy.write_text(json.dumps(undescribed(yaml.safe_load(copy.read_text()))))
    unfinished.replace(target)


def undescribed(schema: object) -> object:
    """The same without its prose; a property that is called ``description`` stays."""
    if isinstance(schema, dict):
        return {
            key: undescribed(value)
            for key, value in schema.items()
            if key != "description" or not isinstance(value, str)
        }
    return [undescribed(item) for item in schema] if isinstance(schema, list) else schema


def copy_sources(pinned: Path, embedded: Path, version: str, target: Path) -> None:
    """Make a folder to build in: our main package, and the JSON files of a module that it embeds.

    The pinned folder may be read-only. The schema gets the version that the provider is to report.
    """
    _empty(target)
    for file in pinned.iterdir():
        shutil.copyfile(file, target / file.name)
    for file in embedded.glob("*.json"):
        content = json.loads(file.read_text())
        if file.name == "schema.json":
            content["version"] = version
        (target / file.name).write_text(json.dumps(content, separators=(",", ":")))


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
