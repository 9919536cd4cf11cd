"""The packages of the product and their imports, read from the source, for the architecture page."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

LIBRARY = Path("components/elastic_vllm")
FLEET = Path("fleet")
PATH = Path("docs/architecture.md")
COMPONENTS = "components"
"""The modules at the library's root: the ComponentResources."""
BASE = ("json_names", "labels", "placement", "project", "section")
"""Modules at the library's root that everything stands on."""
FACTS = {
    *("address_ranges", "billing", "deployer", "deployer_actions", "deployer_existing", "docker_hub"),
    *("facts", "landing_zone", "maintenance", "meanings", "mirrors", "naming"),
    *("policy_document", "quotas", "spec"),
}
"""Modules of a cloud's folder that need no SDK, which the stack file's types stand on: ADR 0017."""


def arrows() -> dict[str, set[str]]:
    """Each package with the packages that it imports, itself left out. Run at the repository's root."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in _sources():
        room = _room(_module(path))
        for module in _imports(path):
            if (other := _room(module)) and other != room:
                found[room].add(other)
    return dict(found)


def _sources() -> Iterator[Path]:
    yield Path("__main__.py")
    yield from sorted(LIBRARY.rglob("*.py"))
    yield from sorted(FLEET.rglob("*.py"))


def _module(path: Path) -> str:
    if path.name == "__main__.py" and path.parent == Path():
        return "__main__"
    inside = path.relative_to(LIBRARY.parent) if path.is_relative_to(LIBRARY) else path
    return ".".join(inside.with_suffix("").parts).removesuffix(".__init__")


def _imports(path: Path) -> Iterator[str]:
    """What a module imports when it is itself imported: not what a function or a type checker imports."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.ImportFrom(module=str() as module):
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.Import():
                yield from (alias.name for alias in node.names)


def _room(module: str) -> str:
    """The package of a module by its short name; empty for what is not ours."""
    top, *rest = module.split(".")
    if top == "__main__":
        return "__main__.py"
    if top == "fleet":
        return f"fleet/{rest[0]}" if rest and (FLEET / rest[0]).is_dir() else "fleet"
    if top != LIBRARY.name or not rest:
        return ""
    if rest[0] == "clouds" and FACTS.intersection(rest):
        return "clouds (facts)"
    if rest[0] in BASE:
        return "base"
    return rest[0] if (LIBRARY / rest[0]).is_dir() else COMPONENTS


def diagram() -> str:
    """The packages as a Mermaid graph, from the top down; an arrow that a longer way implies is left out."""
    found = arrows()
    lines = [
        f'  {_id(room)}["{room}"] --> {_id(other)}["{other}"]'
        for room in sorted(found)
        for other in sorted(found[room])
        if not any(other in below(between, found) for between in found[room] - {other})
    ]
    return "\n".join(("```mermaid", "graph TD", *lines, "```"))


def _id(room: str) -> str:
    return re.sub(r"\W+", "_", room).strip("_")


def below(room: str, found: dict[str, set[str]]) -> set[str]:
    """All packages that one reaches."""
    seen: set[str] = set()
    queue = [room]
    while queue:
        for other in found.get(queue.pop(), set()) - seen:
            seen.add(other)
            queue.append(other)
    return seen


def page(text: str) -> str:
    """The architecture page with the diagram of today's source."""
    before, _, rest = text.partition("<!-- rooms -->\n")
    _, _, after = rest.partition("<!-- /rooms -->")
    return f"{before}<!-- rooms -->\n{diagram()}\n<!-- /rooms -->{after}"


if __name__ == "__main__":
    PATH.write_text(page(PATH.read_text(encoding="utf-8")), encoding="utf-8")
