"""A deployment that is killed at its n-th event: the child of ``test_killed_deploy``."""

import os
import signal
import sys
import threading
from pathlib import Path

import pulumi
from pulumi.automation.events import EngineEvent

from fleet.deploy.program import StackRef
from fleet.deploy.report import Listener
from tests.cluster.tiny_stack import Builder, TinyStack


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
    """Counts the events about objects, and kills at one of them: all of the run, or ``fleet`` alone."""

    def __init__(self, at: int, victim: str) -> None:
        self._at = at
        self._victim = victim
        self._count = 0
        self._lock = threading.Lock()

    def hear(self, event: EngineEvent) -> None:
        step = event.resource_pre_event or event.res_outputs_event
        if step is None or "kubernetes:" not in step.metadata.type or "providers" in step.metadata.type:
            return
        with self._lock:
            self._count += 1
            if self._count != self._at:
                return
        if self._victim == "interrupt":
            os.killpg(0, signal.SIGINT)
        elif self._victim == "fleet":
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            os.killpg(0, signal.SIGKILL)


def main() -> None:
    kubeconfig, home, name, action, version, at, victim = sys.argv[1:]
    executioner = Executioner(int(at), victim)
    setattr(Listener, "hear", executioner.hear)  # noqa: B010  # a plain assignment is a type error
    stack = TinyStack(
        StackRef(name=name, program=lambda: None, kubeconfig=Path(kubeconfig), home=Path(home)), name
    )
    if action == "destroy":
        stack.destroy()
    else:
        stack.up(VERSIONS[version])


if __name__ == "__main__":
    main()
