"""A run of the embedded engine that is killed at its n-th write: the child of ``test_engine_crash``."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pulumi

from fleet.embedded import engine
from fleet.embedded.engine.program import StackRef
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import Object
from tests.cluster.tiny_stack import Builder, Recorder, TinyStack


def first_version(build: Builder) -> None:
    """Six objects, two of which depend on another."""
    base = build.config_map("base", {"value": "1"})
    build.secret("keys", pulumi.Output.secret("first-secret"))
    build.service("web")
    build.config_map("leaf", {"base": base.metadata["uid"]})
    build.config_map("dropped", {"base": base.metadata["name"]})
    build.deployment("web", args=["--old"], app="old")


def second_version(build: Builder) -> None:
    """Drops one object and adds one, edits two, and changes what can only be replaced."""
    base = build.config_map("base", {"value": "2"})
    build.secret("keys", pulumi.Output.secret("second-secret"))
    build.service("web")
    build.config_map("leaf", {"base": base.metadata["uid"]})
    build.config_map("added", {"base": base.metadata["name"]})
    build.deployment("web", args=["--new"], app="new")


VERSIONS = {"first": first_version, "second": second_version}


class Executioner:
    """Counts the writes of all threads, and kills the process at one of them."""

    def __init__(self, at: int, moment: str) -> None:
        self._at = at
        self._moment = moment
        self._count = 0
        self._lock = threading.Lock()

    def send(self, request: Callable[[], Object]) -> Object:
        with self._lock:
            self._count += 1
            mine = self._count == self._at
        if mine and self._moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = request()
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


def main() -> None:
    kubeconfig, home, name, action, version, at, moment = sys.argv[1:]
    executioner = Executioner(int(at), moment)

    def send(api: Apiserver, method: str, path: str, **how: object) -> Object:
        return executioner.send(lambda: sent(api, method, path, **how))

    sent: Callable[..., Object] = Apiserver.send
    setattr(Apiserver, "send", send)  # noqa: B010  # a plain assignment is a type error, and rightly so
    stack = TinyStack(
        StackRef(name=name, program=lambda: None, kubeconfig=Path(kubeconfig), home=Path(home)), name
    )
    if action == "destroy":
        engine.destroy(stack.ref, reporter=Recorder())
    else:
        stack.up(VERSIONS[version])


if __name__ == "__main__":
    main()
