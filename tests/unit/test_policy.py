"""The team's policy: what it may change, for how long, and what it says of itself."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from elastic_vllm.rules import policy
from elastic_vllm.rules.policy import Policy, PolicyException, Review, read, review
from elastic_vllm.spec.finding import Finding
from elastic_vllm.stack_file.config import StackConfigError

TODAY = date(2026, 11, 25)
REASON = "a reason that somebody can judge"


def exception(**keys: object) -> PolicyException:
    given = {"finding": "drain-margin", "severity": "silent", "reason": REASON, "expires": TODAY, **keys}
    return PolicyException.model_validate(given)


def finding() -> Finding:
    return policy.KINDS["drain-margin"].at("models[0].drain.marginSeconds", "is short", "chat")


def under(*exceptions: PolicyException, stack: str = "local") -> Review:
    return review([finding()], Policy(exceptions=exceptions), stack, TODAY)


def test_without_a_policy_every_finding_stays_as_it_is() -> None:
    assert under() == Review(findings=(finding(),), silenced=(), changed=())


def test_a_silenced_finding_is_gone_but_not_forgotten() -> None:
    silent = exception()
    assert under(silent) == Review(findings=(), silenced=((finding(), silent),), changed=())


@pytest.mark.parametrize("severity", ["info", "error"])
def test_a_warning_can_be_lowered_and_raised(severity: str) -> None:
    (left,) = under(exception(severity=severity)).findings
    assert (left.id, left.severity) == ("drain-margin", severity)
    assert [item.severity for item in under(exception(severity=severity)).errors] == ["error"] * (
        severity == "error"
    )


@pytest.mark.parametrize(
    ("keys", "covers"),
    [
        ({"stack": "local"}, True),
        ({"stack": "aws-prod"}, False),
        ({"subject": "chat"}, True),
        ({"subject": "docs"}, False),
        ({"key": "models[0].drain.marginSeconds"}, True),
        ({"key": "models[1].drain.marginSeconds"}, False),
        ({"finding": "sole-replica"}, False),
    ],
)
def test_an_exception_covers_only_what_it_names(keys: dict[str, object], covers: bool) -> None:
    assert len(under(exception(**keys)).silenced) == covers


def test_an_exception_holds_on_its_last_day_and_the_day_after_the_finding_is_back_with_a_warning() -> None:
    assert under(exception(expires=TODAY)).findings == ()
    back, ended = under(exception(expires=TODAY - timedelta(days=1))).findings
    assert back == finding()
    assert (ended.id, ended.severity, ended.key) == (
        "policy-expired",
        "warning",
        "policy.exceptions[0].expires",
    )
    assert REASON in ended.message


def test_an_error_stays_one_even_of_a_kind_that_is_not_always_an_error() -> None:
    kind = policy.KINDS["scale-to-zero"]
    silent = Policy(exceptions=(exception(finding=kind.id),))
    error, warning = (kind.at("models[0].replicas.min", "0", "chat", lower=lower) for lower in (False, True))
    assert review([error], silent, "local", TODAY).errors == (error,)
    assert review([warning], silent, "local", TODAY).findings == ()


def test_the_first_exception_that_still_holds_counts() -> None:
    ended = exception(expires=TODAY - timedelta(days=1))
    left = under(ended, exception(severity="info"), exception())
    assert [item.severity for item, _ in left.changed] == ["info"]
    assert left.silenced == ()


def test_an_exception_that_covers_nothing_in_its_stack_says_so() -> None:
    (unused,) = review([], Policy(exceptions=(exception(stack="local"),)), "local", TODAY).findings
    assert (unused.id, unused.severity) == ("policy-unused", "info")
    assert (
        review([], Policy(exceptions=(exception(stack="aws-dev"), exception())), "local", TODAY).findings
        == ()
    )


def refusal(tmp_path: Path, content: str) -> str:
    path = tmp_path / "policy.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(StackConfigError) as refused:
        read(path)
    assert {item.id for item in refused.value.findings} == {"policy-file"}
    return str(refused.value)


ENTRY = "{{finding: {}, severity: {}, reason: a reason to judge, expires: 2027-01-01}}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            f"exceptions: [{ENTRY.format('drain-margn', 'silent')}]",
            "policy.yaml: exceptions[0].finding: unknown finding 'drain-margn'; did you mean drain-margin? "
            "docs/findings.md lists them",
        ),
        (
            f"exceptions: [{ENTRY.format('over-budget', 'warning')}]",
            "policy.yaml: exceptions[0].severity: over-budget is an error, which no policy lowers; "
            "change the stack file",
        ),
        ("exceptions: [{finding: drain-margin, severity: silent}]", "exceptions[0].reason: is required"),
        (f"exceptions: [{ENTRY.format('drain-margin', 'quiet')}]", "'quiet' is not one of"),
        ("exception: []", "unknown key; did you mean exceptions?"),
        ("exceptions: [", "policy.yaml: is not valid YAML"),
    ],
)
def test_a_policy_that_says_nothing_clear_is_refused_with_the_place(
    content: str, says: str, tmp_path: Path
) -> None:
    assert says in refusal(tmp_path, content)


def test_no_file_is_an_empty_policy(tmp_path: Path) -> None:
    assert read(tmp_path / "policy.yaml") == Policy()


def test_every_exception_of_the_committed_policy_has_a_reason_and_an_end() -> None:
    for item in policy.committed().exceptions:
        assert len(item.reason) > 30
        assert item.expires > date(2026, 11, 25)
