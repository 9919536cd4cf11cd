"""What the engine tells while it works, and how secrets are kept out of it."""

import base64
import json
import threading
from dataclasses import dataclass, field
from typing import Protocol

from elastic_vllm.testing.values import SECRET_TEXT, Secret, secret_strings
from fleet.embedded.engine.changes import Change

_SHORTEST = 6
"""Shorter secrets are not searched for in text: hiding every ``true`` would tell what the secret is."""


class Reporter(Protocol):
    """Who listens. Calls come from several threads, one after the other; every text is free of secrets."""

    def changed(self, change: Change) -> None:
        """An object was changed, or would be, or needs no change."""

    def progress(self, subject: str, state: str) -> None:
        """Something that is waited for has come further."""

    def said(self, severity: str, message: str) -> None:
        """The program or the apiserver has a message for the person: ``info``, ``warning`` or ``error``."""


@dataclass
class Redactor:
    """Knows the secrets of a run and hides them in text that somebody else wrote."""

    _known: set[str] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def learn(self, value: object) -> None:
        """Remember each secret string inside and each of its lines, also as base64 and JSON have them."""
        whole = set(secret_strings(value))
        lines = {line.strip() for item in whole for line in item.splitlines()}
        plain = {item for item in whole | lines if len(item) >= _SHORTEST}
        encoded = {base64.b64encode(item.encode()).decode() for item in plain}
        # Python escapes what is not ASCII, most others leave it.
        escaped = {json.dumps(item, ensure_ascii=strict)[1:-1] for item in plain for strict in (True, False)}
        with self._lock:
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
        with self._lock:
            known = sorted(self._known, key=len, reverse=True)
        for secret in known:
            message = message.replace(secret, SECRET_TEXT)
        return message


@dataclass
class SafeReporter:
    """Passes on to a reporter what is free of secrets, one call after the other."""

    reporter: Reporter
    redactor: Redactor
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def changed(self, change: Change) -> None:
        """Fields are masked where the change is computed."""
        with self._lock:
            self.reporter.changed(change)

    def progress(self, subject: str, state: str) -> None:
        """Conditions and events can quote values of the object."""
        with self._lock:
            self.reporter.progress(subject, self.redactor.hide(state))

    def said(self, severity: str, message: str) -> None:
        """A program can log anything."""
        with self._lock:
            self.reporter.said(severity, self.redactor.hide(message))


@dataclass
class Held:
    """Keeps what a program logs until its secrets are known, which is when it has ended."""

    reporter: SafeReporter
    _messages: list[tuple[str, str]] = field(default_factory=list)

    def said(self, severity: str, message: str) -> None:
        """Keep a message."""
        self._messages.append((severity, message))

    def release(self) -> None:
        """Pass the messages on."""
        for severity, message in self._messages:
            self.reporter.said(severity, message)
