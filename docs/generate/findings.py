"""Writes ``docs/findings.md`` from the registry of kinds: ``python -m docs.generate.findings``."""

from collections.abc import Iterator
from pathlib import Path

from elastic_vllm.rules import policy
from elastic_vllm.spec.finding import Family, Kind

PATH = Path("docs/findings.md")
TITLES: dict[Family, str] = {
    "file": "The file itself",
    "fit": "Fit",
    "capacity": "Capacity",
    "scaling": "Scaling",
    "lifecycle": "Lifecycle",
    "security": "Security",
    "cost": "Cost",
    "policy": "Policy",
    "plan": "The plan itself",
}
_HEAD = """<!-- Generated from elastic_vllm/rules by `make docs`; do not edit. -->
# Findings

What the checks can say about a stack, before anything is made. `pulumi up` and `fleet up` run them first: an
**error** stops, a **warning** is printed, **info** is shown by `fleet plan` alone. Each finding names the key
in the stack file, the figures, and what to do; its id below is stable.

A team changes that in `stacks/policy.yaml`: raise, lower or silence a finding, in one stack or all, with a
reason and a last day. After that day the finding is back, with a warning that the exception has ended. Errors
cannot be lowered: they will certainly fail, or break a limit that the stack file itself sets, so the file is
the place to change.

```yaml
exceptions:
  - finding: sole-replica
    stack: aws-prod # every stack when left out; `subject` (a model or pool) and `key` narrow it further
    subject: expert
    severity: silent # or info, warning, error
    reason: a second replica is 8 more H100 for a model whose users can wait
    expires: 2027-05-31
```
"""


def text() -> str:
    """The page."""
    return _HEAD + "".join(part for family in TITLES for part in _chapter(family))


def _chapter(family: Family) -> Iterator[str]:
    kinds = [kind for kind in policy.KINDS.values() if kind.family == family]
    yield f"\n## {TITLES[family]}\n"
    for kind in kinds:
        yield _entry(kind)


def _entry(kind: Kind) -> str:
    severity = f"**{kind.severity}**" + (f" or **{kind.lowered}**" if kind.lowered else "")
    return f"\n### `{kind.id}`\n{severity} · {kind.title}\n\n{kind.why}\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
