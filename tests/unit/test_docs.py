"""The documentation against the source: generated pages, the picture of packages, files and links named."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from docs.generate import api, keys, rooms

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("page", [keys, api], ids=lambda page: page.PATH.name)
def test_generated_pages_are_what_the_source_says(page: ModuleType) -> None:
    assert page.PATH.read_text(encoding="utf-8") == page.text(), "run `make docs`"


def test_the_picture_of_the_packages_is_that_of_the_source() -> None:
    text = rooms.PATH.read_text(encoding="utf-8")
    assert text == rooms.page(text), "run `make docs`"


def test_no_package_is_imported_by_one_that_it_imports() -> None:
    found = rooms.arrows()
    back = {(room, other) for room in found for other in found[room] if room in rooms.below(other, found)}
    assert back == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_and_links_that_a_page_names_exist(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    linked = [
        target.partition("#")[0]
        for target in re.findall(r"\]\(([^)\s]+)\)", text)
        if not target.startswith(("http:", "https:", "#", "mailto:"))
    ]
    named = re.findall(r"`((?:components|fleet|stacks|tests|docs|scripts|benchmarks)/[\w./-]+)`", text)
    gone = [target for target in linked if not (page.parent / target).exists()]
    gone += [path for path in named if not path.startswith("stacks/Pulumi.") and not Path(path).exists()]
    assert gone == []
