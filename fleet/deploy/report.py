"""What a deployment reports while it runs, and how secrets of the configuration are kept out of it."""

import base64
import json
import re
import threading
from dataclasses import dataclass, field
from typing import Final, Protocol

from pulumi.automation import events

from elastic_vllm.testing.values import SECRET_TEXT, Secret, secret_strings
from fleet.deploy.changes import Action, Change, change, subject

_SHORTEST = 6
"""Shorter secrets are not searched for in text: to hide every ``true`` would show what the secret is."""
_STACK: Final = "pulumi:pulumi:Stack"
_TRACE: Final = re.compile(r'File "([^"]+)", line (\d+)')
_INLINE: Final = "python inline source runtime error: "
_FOLLOWS: Final = ("an unhandled error occurred:", "update failed", "preview failed", "update cancelled")


class Reporter(Protocol):
    """Receives what happens, one call after the other; every text is free of known secrets."""

    def changed(self, change: Change) -> None:
        """A resource was changed, or would be, or needs no change."""

    def progress(self, subject: str, state: str) -> None:
        """A resource that is waited for has a new state."""

    def said(self, severity: str, message: str) -> None:
        """A message of the program, a provider or the CLI: ``info``, ``warning`` or ``error``."""


@dataclass
class Redactor:
    """Knows the secrets of a configuration and hides them in text."""

    _known: set[str] = field(default_factory=set, repr=False)

    def learn(self, value: object) -> None:
        """Remember each secret string inside and each of its lines, also as base64 and JSON have them."""
        whole = set(secret_strings(value))
        lines = {line.strip() for item in whole for line in item.splitlines()}
        plain = {item for item in whole | lines if len(item) >= _SHORTEST}
        encoded = {base64.b64encode(item.encode()).decode() for item in plain}
        # Python escapes what is not ASCII, most others leave it.
        escaped = {json.dumps(item, ensure_ascii=strict)[1:-1] for item in plain for strict in (True, False)}
        self._known |= plain | encoded | escaped

    def learn_text(self, value: str) -> None:
        """Remember a secret of the configuration: a string, or JSON with strings in it."""
        self.learn(Secret(value))
        try:
            self.learn(Secret(json.loads(value)))
        except ValueError:
            return

    def hide(self, message: str) -> str:
        """The message with every known secret replaced, the longest first."""
        for secret in sorted(self._known, key=len, reverse=True):
            message = message.replace(secret, SECRET_TEXT)
        return message


@dataclass
class Listener:
    """Turns the CLI's events into reports; keeps the changes, and the errors for the end."""

    reporter: Reporter
    redactor: Redactor
    changes: list[Change] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    """What each error is about, and its text."""
    reading: bool = False
    """Whether the run is a refresh."""
    _replaced: dict[str, events.StepEventMetadata] = field(default_factory=dict)
    """What was deleted to be made again: its replacement is reported, unless none follows."""
    _subjects: dict[str, str] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, event: events.EngineEvent) -> None:
        """One event; the Automation API calls this on threads of its own."""
        with self._lock:
            if event.resource_pre_event:
                self._name(event.resource_pre_event.metadata)
            if event.res_outputs_event:
                self._done(event.res_outputs_event.metadata)
            if event.diagnostic_event:
                self._diagnostic(event.diagnostic_event)

    def _name(self, step: events.StepEventMetadata) -> None:
        state = step.new or step.old
        if state is not None:
            self._subjects[step.urn] = subject(state)

    def finish(self) -> None:
        """Report what was deleted because of another's replacement, and is declared no more."""
        for step in self._replaced.values():
            step.op = events.OpType.DELETE
            self._done(step)

    def _done(self, step: events.StepEventMetadata) -> None:
        self._name(step)
        if step.op == "delete-replaced":
            self._replaced[step.urn] = step
        made = change(step, reading=self.reading)
        if made is not None and made.action is not Action.DELETE:
            self._replaced.pop(step.urn, None)
        if made is not None and made not in self.changes:
            self.changes.append(made)
            self.reporter.changed(made)

    def _diagnostic(self, event: events.DiagnosticEvent) -> None:
        message = self.redactor.hide(event.message.strip())
        about = "" if not event.urn or f"{_STACK}::" in event.urn else self._subject(event.urn)
        if event.severity == "debug" or not message:
            return
        if event.severity == "error":
            self.errors.append((about, message))
        elif event.ephemeral or event.severity == "info#err":
            self.reporter.progress(about or "pulumi", message)
        elif message not in self._said:
            self._said.add(message)
            self.reporter.said(event.severity, f"{about}: {message}" if about else message)

    def _subject(self, urn: str) -> str:
        return self._subjects.get(urn) or " ".join(urn.split("::")[-2:]).rpartition("$")[2]

    def failure(self) -> str:
        """All that failed as one message, without what only follows from it; empty if nothing is known."""
        causes = [
            f"{about}: {words}" if about else words
            for about, words in ((about, in_words(message)) for about, message in self.errors)
            if not words.startswith(_FOLLOWS)
        ]
        return "\n".join(dict.fromkeys(causes))


def in_words(message: str) -> str:
    """An error without the SDK's frame and traceback: our own words as they are, others' with their place."""
    if not message.startswith(_INLINE):
        return message
    raised, _, trace = message.removeprefix(_INLINE).partition("\nTraceback (most recent call last):")
    found = re.search(rf"^([\w.]+)(?:: {re.escape(raised)})?\s*\Z", trace, re.MULTILINE)
    if found and found[1].startswith(("elastic_vllm.", "fleet.")):
        return raised
    places = _TRACE.findall(trace)
    last = found[0].strip() if found else raised
    where = f" ({places[-1][0].rpartition('/')[2]}, line {places[-1][1]})" if places else ""
    return f"the program failed: {last}{where}"
