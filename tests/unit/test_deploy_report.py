"""One failure is one message without a traceback; what a run says holds no secret of the configuration."""

import traceback
from typing import Any

from pulumi.automation.events import EngineEvent

from elastic_vllm.testing.values import SECRET_TEXT
from fleet.deploy.changes import Change
from fleet.deploy.report import Listener, Redactor, in_words
from fleet.errors import DeployError

STACK = "urn:pulumi:local::elastic-vllm::pulumi:pulumi:Stack::elastic-vllm-local"
MAP = "urn:pulumi:local::elastic-vllm::a:b:C$kubernetes:core/v1:ConfigMap::map"
TRACE = """python inline source runtime error: 'missing'
Traceback (most recent call last):
  File "/somewhere/pulumi/automation/_server.py", line 95, in run
    loop.run_until_complete(run_in_stack(self.program))
  File "/elsewhere/__main__.py", line 11, in <lambda>
KeyError: 'missing'"""


class Said:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def changed(self, change: Change) -> None:
        self.lines.extend(change.lines())

    def progress(self, subject: str, state: str) -> None:
        self.lines.append(f"{subject}: {state}")

    def said(self, severity: str, message: str) -> None:
        self.lines.append(f"{severity}: {message}")


def heard(*events: dict[str, Any], secret: str = "s3cr3t-one") -> tuple[Listener, list[str]]:
    said, redactor = Said(), Redactor()
    redactor.learn_text(secret)
    listener = Listener(said, redactor)
    for event in events:
        listener.hear(EngineEvent.from_json({"sequence": 1, "timestamp": 1, **event}))
    return listener, said.lines


def diagnostic(severity: str, message: str, urn: str = STACK, **more: object) -> dict[str, Any]:
    event = {"severity": severity, "message": message, "color": "never", "urn": urn, **more}
    return {"diagnosticEvent": event}


def test_an_exception_of_the_program_is_one_line_that_says_where() -> None:
    assert in_words(TRACE) == "the program failed: KeyError: 'missing' (__main__.py, line 11)"


def test_an_error_that_is_worded_for_people_stays_as_it_is() -> None:
    try:
        raise DeployError("pools: no such pool\nmodels: no such model")  # noqa: TRY301  (its traceback is read)
    except DeployError as error:
        told = f"python inline source runtime error: {error}\n{traceback.format_exc()}"
    assert in_words(told.strip()) == "pools: no such pool\nmodels: no such model"


def test_what_only_follows_from_a_failure_is_left_out() -> None:
    listener, _ = heard(
        diagnostic("error", TRACE),
        diagnostic("error", f"an unhandled error occurred: {TRACE}"),
        diagnostic("error", "update failed"),
    )
    assert listener.failure() == "the program failed: KeyError: 'missing' (__main__.py, line 11)"


def test_a_refusal_is_named_by_its_object_once_that_is_known_and_by_its_type_before() -> None:
    listener, _ = heard(diagnostic("error", "refused", MAP))
    assert listener.failure() == "kubernetes:core/v1:ConfigMap map: refused"
    inputs = {"kind": "ConfigMap", "metadata": {"name": "map", "namespace": "n"}}
    new = {"urn": MAP, "type": "kubernetes:core/v1:ConfigMap", "custom": True, "inputs": inputs}
    begun = {"resourcePreEvent": {"metadata": {"op": "create", "urn": MAP, "type": new["type"], "new": new}}}
    listener, _ = heard(begun, diagnostic("error", "refused", MAP))
    assert listener.failure() == "ConfigMap n/map: refused"


def test_messages_and_errors_hold_no_secret_and_debug_output_is_dropped() -> None:
    listener, lines = heard(
        diagnostic("warning", "the key is s3cr3t-one"),
        diagnostic("info", "Waiting for s3cr3t-one", MAP, ephemeral=True),
        diagnostic("debug", "registering"),
        diagnostic("error", "invalid: s3cr3t-one", MAP),
    )
    assert lines == [
        f"warning: the key is {SECRET_TEXT}",
        f"kubernetes:core/v1:ConfigMap map: Waiting for {SECRET_TEXT}",
    ]
    assert "s3cr3t" not in listener.failure()


def test_a_message_that_comes_with_each_step_is_said_once() -> None:
    _, lines = heard(diagnostic("warning", "mind the gap"), diagnostic("warning", "mind the gap"))
    assert lines == ["warning: mind the gap"]
