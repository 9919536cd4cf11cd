"""``make engine-options VLLM=x.y.z``: writes the option table of a version anew, and says what breaks.

The pin itself stands in ``requirements-engine.txt``, ``engine_options.VLLM_VERSION`` and the default image; a
test keeps the three alike.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from elastic_vllm.catalog import engine_options
from tests.engine import environment, pinned
from tests.engine.rendered_options import rendered_options

TABLE = environment.ROOT / "components" / "elastic_vllm" / "catalog" / "vllm_serve_args.json"
Table = Mapping[str, Any]  # Any: JSON


def text(table: Table) -> str:
    """The table as it is committed."""
    return json.dumps(table, indent=0, sort_keys=True) + "\n"


def differences(old: Table, new: Table) -> dict[str, str]:
    """What became of each option that is not the same: its name, and a line about it. Defaults apart."""
    found = dict.fromkeys(old.keys() - new.keys(), "gone") | dict.fromkeys(new.keys() - old.keys(), "new")
    for name in old.keys() & new.keys():
        if said := "; ".join(_changes(old[name], new[name])):
            found[name] = said
    return dict(sorted(found.items()))


def _changes(old: Table, new: Table) -> Iterator[str]:
    for key in ("nargs", "type", "bounds"):
        if old.get(key) != new.get(key):
            yield f"{key} was {old.get(key)}, is {new.get(key)}"
    for what, before, after in (
        ("spelling", _spellings(old), _spellings(new)),
        ("value", _values(old), _values(new)),
        ("key", set(old.get("fields") or ()), set(new.get("fields") or ())),
    ):
        if before - after:
            yield f"{what} gone: {', '.join(sorted(before - after))}"
        if after - before:
            yield f"{what} new: {', '.join(sorted(after - before))}"


def _spellings(row: Table) -> set[str]:
    return {*row["all"], *row["hidden"]}


def _values(row: Table) -> set[str]:
    """What it takes, whether the parser or something later says so."""
    return {str(value) for value in row["choices"] or row.get("known") or ()}


def breaks(table: Table) -> Iterator[str]:
    """What of ours a version does not take: what we render, what the notes speak of."""
    for name in sorted(rendered_options() - table.keys()):
        yield f"components/elastic_vllm/vllm/arguments.py renders {name}, which is gone"
    notes = engine_options.notes()
    for name in sorted(notes.owned.keys() - table.keys()):
        yield f"engine_options.yaml: owned {name} is gone; strike it, or say in `retired` what to do today"
    for name in sorted(notes.retired.keys() & table.keys()):
        yield f"engine_options.yaml: retired {name} is back; strike it"


def main(version: str) -> int:
    """Write the table, print what differs from the one before, then what that breaks."""
    try:
        table = pinned.table(environment.ensure(), version)
    except environment.CannotRunError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    before = json.loads(TABLE.read_text())
    changed = differences(before, table)
    for name, said in changed.items():
        print(f"{'! ' if name in rendered_options() else '  '}{name}: {said}")
    print(f"{len(table)} options of vLLM {version}; {len(changed)} differ from before (! is rendered by us)")
    TABLE.write_text(text(table))
    broken = list(breaks(table))
    if version != engine_options.VLLM_VERSION:
        broken.append(
            f"the pin is {engine_options.VLLM_VERSION}: move requirements-engine.txt, "
            "engine_options.VLLM_VERSION and the default of EngineSpec.image, then `make check test-engine`"
        )
    for line in broken:
        print(f"to do: {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
