"""``--against``: the other revision's own program tells its plan, or it is said why there is none."""

from pathlib import Path

import pytest

from fleet.errors import FleetError
from fleet.plan.difference import compared
from fleet.plan.revision import Revision, unpacked
from tests.plans import a_plan, finding, git, resource

NOW = a_plan(resources=(resource(spec={"replicas": 2}),), findings=(finding("new"),))


def revision(folder: Path, prints: str | None, *stacks: str) -> Revision:
    """Another revision, whose ``fleet plan`` is these lines of Python; ``None`` where there was none yet."""
    (folder / "stacks").mkdir()
    (folder / "Pulumi.yaml").write_text("name: mine\nstackConfigDir: stacks\n")
    for stack in stacks:
        (folder / "stacks" / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
    package = folder / "fleet" / "plan"
    package.mkdir(parents=True)
    (folder / "fleet" / "__init__.py").touch()
    if prints is not None:
        (package / "__main__.py").write_text(prints)
    return Revision("main", "0123456789", folder)


def test_the_other_revisions_own_program_says_what_was_there(tmp_path: Path) -> None:
    before = a_plan(resources=(resource(spec={"replicas": 1}),), findings=(finding("old"),))
    found = compared(NOW, revision(tmp_path, f"print({before.model_dump_json()!r})", "test")).difference
    assert found is not None
    assert [(item.name, item.action) for item in found.resources] == [("chat", "change")]
    assert [item.id for item in found.findings_gained] == ["new"]
    assert [item.id for item in found.findings_lost] == ["old"]
    assert (found.comparable, found.note) == (True, "")


def test_the_same_plan_on_both_sides_is_no_difference(tmp_path: Path) -> None:
    found = compared(NOW, revision(tmp_path, f"print({NOW.model_dump_json()!r})", "test")).difference
    assert found is not None
    assert found.is_empty


def test_a_stack_that_was_not_there_is_all_new(tmp_path: Path) -> None:
    found = compared(NOW, revision(tmp_path, "raise SystemExit(1)", "other")).difference
    assert found is not None
    assert found.comparable
    assert found.note == "main has no stack test: all of it is new."
    assert [item.action for item in found.resources] == ["add"]


@pytest.mark.parametrize(
    ("prints", "note"),
    [
        (None, "main has no `fleet plan` yet"),
        (
            "raise RuntimeError('an old error')",
            "the program of main does not run here: RuntimeError: an old error",
        ),
        *(
            (
                f'print(\'{{"version": {other}, "stack": "test"}}\')',
                "main prints its plan in a version of the format",
            )
            for other in (1, 3)
        ),
        ("print('no plan')", "main prints its plan in a version of the format"),
    ],
)
def test_where_there_is_nothing_to_compare_the_plan_says_why(
    prints: str | None, note: str, tmp_path: Path
) -> None:
    found = compared(NOW, revision(tmp_path, prints, "test")).difference
    assert found is not None
    assert not found.comparable
    assert found.note.startswith(note)
    assert not found.is_empty


def test_a_program_that_stops_on_either_side_is_not_taken_for_a_removal(tmp_path: Path) -> None:
    stopped = a_plan(findings=(finding("no-fit", severity="error"),))
    other = revision(tmp_path, f"print({NOW.model_dump_json()!r})", "test")
    found = compared(stopped, other).difference
    assert found is not None
    assert found.resources == ()
    assert found.note == "The program stops at the errors, so there is no graph to compare."
    assert [item.id for item in found.findings_gained] == ["no-fit"]


def test_a_revisions_files_are_its_own_and_gone_afterwards(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("before")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message=before")
    (tmp_path / "file").write_text("after")
    with unpacked(tmp_path, "HEAD") as found:
        assert (found.root / "file").read_text() == "before"
        assert found.commit == git(tmp_path, "rev-parse", "HEAD")
    assert not found.root.exists()
    assert git(tmp_path, "worktree", "list").count("\n") == 0


@pytest.mark.parametrize("ref", ["nowhere", "--output=file", ""])
def test_a_revision_that_is_not_there_is_refused_by_name(ref: str, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    with pytest.raises(FleetError, match=f"there is no revision '{ref}'"), unpacked(tmp_path, ref):
        pass


def test_a_folder_without_git_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(FleetError, match="not in a git repository"), unpacked(tmp_path, "main"):
        pass


def test_without_git_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FleetError, match="git is not on PATH"), unpacked(tmp_path, "main"):
        pass
