"""Runs a Pulumi program without the Pulumi CLI: the one place that touches the SDK's untyped test API.

The SDK talks to a deployment engine through a resource monitor. Ours is a subclass of the SDK's own
``MockMonitor``: it decodes and records each registration, and answers with outputs: the inputs, or what a
callback makes up for what a cloud would say.
"""

import asyncio
import contextvars
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import ParamSpec, TypeVar

from google.protobuf import empty_pb2
from pulumi.runtime import mocks, settings
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import engine_pb2, resource_pb2
from pulumi.runtime.stack import run_in_stack

from elastic_vllm.testing import wire
from elastic_vllm.testing.registration import Graph, ProgramError, Registration
from elastic_vllm.testing.request import STACK_TYPE, make_urn, to_registration, urn_type

_P = ParamSpec("_P")
_T = TypeVar("_T")
_FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
)
"""Transforms and hooks are left out: they call back into the program; the SDK then refuses them itself."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What a provider would make of a registration; an empty id means not known yet."""

    id: str
    outputs: Mapping[str, object]


Provider = Callable[[Registration], Applied]
"""Called for each resource, once all that the resource depends on is done."""


def run(  # noqa: PLR0913  # all that the CLI would tell a program through its environment
    program: Callable[[], object],
    *,
    preview: bool = False,
    config: Mapping[str, str] | None = None,
    secret_keys: Sequence[str] = (),
    project: str = "elastic-vllm",
    stack: str = "test",
    provider: Provider | None = None,
    log: Callable[[str, str], None] = lambda _severity, _message: None,
) -> Graph:
    """Run ``program`` to its end, every ``apply`` included, and return what it registered.

    Registrations reach a ``provider`` one after the other, always in the same order. ``config`` maps full
    keys to values as the CLI passes them (JSON for anything but a string). A failure is raised here, once.
    Pulumi's global state lives in context variables: in a copied context nothing of it stays behind.
    """
    monitor = _Monitor(provider)

    def run_in_context() -> None:
        settings.reset_options(project=project, stack=stack, preview=preview, organization="organization")
        settings.SETTINGS.monitor = monitor
        settings.SETTINGS.engine = _Log(log)
        set_all_config(dict(config or {}), list(secret_keys))
        _run(program, monitor)

    contextvars.copy_context().run(run_in_context)
    return monitor.graph


def _run(program: Callable[[], object], monitor: "_Monitor") -> None:
    loop = asyncio.new_event_loop()
    strays: list[BaseException] = []
    loop.set_exception_handler(lambda _, context: _collect(strays, context.get("exception")))
    loop.set_default_executor(_Inline())
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(run_in_stack(partial(_whole, program)))
    except Exception as error:  # noqa: BLE001  # whatever the program raises goes to the caller
        raise _explained(monitor.failure or error) from None
    finally:
        _close(loop)
    if strays:
        raise strays[0]


async def _whole(program: Callable[[], object]) -> None:
    """Run the program; whatever it returns is no coroutine to wait for.

    Wait until all that follows from it is done, too. The SDK would do that, but whenever one task ends it
    begins anew with all that have not: a hundred models take it a third longer.
    """
    program()
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        done, _ = await asyncio.wait(others, return_when=asyncio.FIRST_EXCEPTION)
        if any(task.cancelled() or task.exception() for task in done):
            return  # what waits for it would never end; the SDK finds and raises it


def _collect(strays: list[BaseException], error: object) -> None:
    """Keep the exception of a task that was not awaited: the failure of a run that has no other."""
    if isinstance(error, BaseException):
        strays.append(error)


def _explained(error: Exception) -> Exception:
    """The SDK blames the CLI's version for every feature that the recorder does not offer."""
    lack, marker, rest = str(error).partition("The Pulumi CLI does not support ")
    if marker and not lack:
        return ProgramError(f"the recorder has no {rest.partition('.')[0]}: only `pulumi preview` shows it")
    return error


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Leave nothing behind: a failed program has tasks that wait for what never comes."""
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_default_executor())
    asyncio.set_event_loop(None)
    loop.close()


class _Inline(ThreadPoolExecutor):
    """Makes each call at once on the calling thread: a recording is quick, and always in the same order."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        future: Future[_T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # the caller finds it in the future, as with any executor
            future.set_exception(error)
        return future


class _Log:
    """The SDK's log, as far as a person wants to read it."""

    def __init__(self, log: Callable[[str, str], None]) -> None:
        self._log = log

    def Log(self, request: engine_pb2.LogRequest) -> None:  # noqa: N802
        """Called by ``pulumi.log``; the SDK's own debug output is dropped."""
        if request.severity != engine_pb2.DEBUG:
            self._log(engine_pb2.LogSeverity.Name(request.severity).lower(), request.message)


class _Monitor(mocks.MockMonitor):
    """The resource monitor of one run. The SDK's own part of it keeps no mocks: ours answers by itself."""

    def __init__(self, provider: Provider | None) -> None:
        self.provider = provider
        self.graph = Graph()
        self.failure: Exception | None = None

    def GetDeploymentInfo(self, _: object) -> resource_pb2.DeploymentInfo:  # noqa: N802
        """Offer what can be recorded."""
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def RegisterResource(  # noqa: N802
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Record the resource; a custom one goes to the provider, whose outputs are the answer."""
        urn = make_urn(request)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        registration = self._record(to_registration(urn, request))
        applied = self._apply(registration)
        as_given = applied.outputs is registration.inputs
        outputs = request.object if as_given else wire.encode_struct(applied.outputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=applied.id, object=outputs)

    def _record(self, registration: Registration) -> Registration:
        if self.graph.find(registration.urn):
            raise self._failed(
                ProgramError(f"two resources have the URN {registration.urn}; give one another name")
            )
        parent = self.graph.find(registration.parent)
        if registration.retain_on_delete is None and parent is not None:
            registration = replace(registration, retain_on_delete=parent.retain_on_delete)
        self.graph.add(registration)
        return registration

    def _apply(self, registration: Registration) -> Applied:
        if self.provider is None:
            known = "" if settings.is_dry_run() and not registration.is_provider else registration.name
            return Applied(id=known, outputs=registration.inputs)
        if self.failure:
            raise self.failure
        try:
            return self.provider(registration)
        except Exception as error:  # noqa: BLE001  # the first failure is the run's, whatever it is
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> Exception:
        """Remember the first failure: all that follows from it is noise."""
        self.failure = self.failure or error
        return self.failure

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        """Record a component's outputs, or the stack's exports."""
        outputs = wire.decode_struct(request.outputs)
        if urn_type(request.urn) == STACK_TYPE:
            self.graph.outputs.update(outputs)
        else:
            self.graph.component_outputs[request.urn] = outputs
        return empty_pb2.Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802
        """Refuse: the answer would have to come from a provider plugin."""
        raise self._failed(ProgramError(_no_plugin(f"calls the provider function {request.tok}")))

    def Call(self, request: resource_pb2.ResourceCallRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802
        """Refuse, like ``Invoke``."""
        raise self._failed(ProgramError(_no_plugin(f"calls the provider method {request.tok}")))

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        """Refuse: a resource that the stack does not own is not known here."""
        raise self._failed(ProgramError(_no_plugin(f"reads the existing {request.type} {request.name!r}")))

    def RegisterPackage(self, _: object) -> resource_pb2.RegisterPackageResponse:  # noqa: N802
        """Refuse, like ``Invoke``."""
        raise self._failed(ProgramError(_no_plugin("uses a parameterized provider package")))


def _no_plugin(what: str) -> str:
    return f"the program {what}; the recorder runs no provider plugins: only `pulumi preview` shows it"
