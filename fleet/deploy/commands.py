"""``up``, ``preview``, ``refresh`` and ``destroy`` of one stack, each one call of the Pulumi CLI."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from pulumi import automation as auto

from elastic_vllm.testing.values import Secret
from fleet.deploy import backend, tools
from fleet.deploy.changes import Action, Change
from fleet.deploy.interrupted import recover
from fleet.deploy.lock import stack_lock
from fleet.deploy.program import CloudStack, StackRef
from fleet.deploy.report import Listener, Redactor, Reporter
from fleet.errors import DeployError

Stack = StackRef | CloudStack


@dataclass(frozen=True)
class Outcome:
    """What a run did, or would do, and what the stack exports (secrets still marked)."""

    changes: tuple[Change, ...]
    outputs: Mapping[str, object]

    def count(self, action: Action) -> int:
        """How many resources this happened to."""
        return sum(change.action == action for change in self.changes)


def preview(stack: Stack, *, reporter: Reporter) -> Outcome:
    """What ``up`` would do. Changes nothing."""
    return _run(stack, reporter, lambda opened, hear: opened.preview(on_event=hear))


def up(stack: Stack, *, reporter: Reporter, refresh: bool = False) -> Outcome:
    """Make the cluster what the program declares; ``refresh`` reads first what is really there."""
    return _run(stack, reporter, lambda opened, hear: opened.up(on_event=hear, refresh=refresh))


def refresh(stack: Stack, *, reporter: Reporter) -> Outcome:
    """Read into the state what is really there. Changes nothing else."""
    return _run(stack, reporter, lambda opened, hear: opened.refresh(on_event=hear), reading=True)


def destroy(stack: Stack, *, reporter: Reporter) -> Outcome:
    """Delete all that the stack declared. Nothing is left of a stack on the embedded cluster."""
    if isinstance(stack, StackRef) and not backend.exists(stack):
        return Outcome((), {})

    def work(opened: auto.Stack, hear: auto.OnEvent) -> None:
        opened.destroy(on_event=hear)
        if isinstance(stack, StackRef):
            opened.workspace.remove_stack(stack.name)

    return _run(stack, reporter, work)


def _run(
    stack: Stack,
    reporter: Reporter,
    work: Callable[[auto.Stack, auto.OnEvent], object],
    *,
    reading: bool = False,
) -> Outcome:
    """Open the stack, set right what a killed run left, work; whatever fails is one ``DeployError``."""
    redactor = Redactor()
    listener = Listener(reporter, redactor, reading=reading)
    with _alone(stack), _patient(reporter):
        try:
            opened = _open(stack, redactor, reporter)
            result = work(opened, listener.hear)
            listener.finish()
        except auto.CommandError as error:
            message = listener.failure() or redactor.hide(backend.last_error(error))
            raise DeployError(message) from None
    changes = sorted(listener.changes, key=lambda change: change.urn)
    return Outcome(tuple(changes), _outputs(result))


def _alone(stack: Stack) -> AbstractContextManager[None]:
    """One run at a time on this machine; a cloud's backend locks by itself."""
    return stack_lock(stack.home, stack.name) if isinstance(stack, StackRef) else nullcontext()


def _open(stack: Stack, redactor: Redactor, reporter: Reporter) -> auto.Stack:
    if isinstance(stack, CloudStack):
        return backend.open_cloud(stack, tools.ready(provider=False))
    for key in stack.secret_keys:
        redactor.learn_text(stack.config[key])
    opened = backend.open_local(stack, tools.ready(provider=True))
    recover(stack, opened, reporter)
    return opened


def _outputs(result: object) -> dict[str, object]:
    outputs = result.outputs if isinstance(result, auto.UpResult) else {}
    return {name: Secret(item.value) if item.secret else item.value for name, item in outputs.items()}


@contextmanager
def _patient(reporter: Reporter) -> Iterator[None]:
    """Ctrl-C reaches the CLI as well: it stops in good order, and is waited for."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = threading.Event()

    def stop(_signal: int, _frame: object) -> None:
        if not pressed.is_set():
            reporter.said("info", "stopping when what is under way is done; Ctrl-C again stops at once")
        pressed.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    except DeployError:
        if pressed.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)
