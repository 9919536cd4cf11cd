"""A component provider in a process of its own, as Pulumi's engine starts it, and a monitor that records."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from elastic_vllm.testing import wire
from elastic_vllm.testing.registration import Graph
from elastic_vllm.testing.request import to_registration, urn_type

SOURCE = Path(__file__).parents[1] / "components"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
add_engine = engine_pb2_grpc.add_EngineServicer_to_server
add_monitor = resource_pb2_grpc.add_ResourceMonitorServicer_to_server
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


def output(value: object = None, *, secret: bool = False) -> Mapping[str, object]:
    """Another resource's output on its way to the provider; ``None`` is not known yet."""
    made = {_SIGNATURE: _OUTPUT, "secret": secret}
    return made if value is None else {**made, "value": value}


class Engine(engine_pb2_grpc.EngineServicer):
    """Takes what the SDK logs."""

    def Log(self, _: object, __: object) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Answers each registration with its inputs; ids are known only in an update."""

    def __init__(self, *, preview: bool) -> None:
        self.preview = preview
        self.graph = Graph()

    def GetDeploymentInfo(self, _: object, __: object) -> resource_pb2.DeploymentInfo:  # noqa: N802
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[
                resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
            ]
        )

    def SupportsFeature(  # noqa: N802
        self, request: resource_pb2.SupportsFeatureRequest, _: object
    ) -> resource_pb2.SupportsFeatureResponse:
        """What SDKs asked before ``GetDeploymentInfo``."""
        return resource_pb2.SupportsFeatureResponse(
            hasSupport=request.id in ("secrets", "resourceReferences")
        )

    def RegisterResource(  # noqa: N802
        self, request: resource_pb2.RegisterResourceRequest, _: object
    ) -> resource_pb2.RegisterResourceResponse:
        parents = f"{urn_type(request.parent)}$" if request.parent else ""
        urn = f"urn:pulumi:test::yaml::{parents}{request.type}::{request.name}"
        self.graph.add(to_registration(urn, request))
        known = "" if self.preview else request.name
        return resource_pb2.RegisterResourceResponse(urn=urn, id=known, object=request.object)

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest, _: object
    ) -> empty_pb2.Empty:
        self.graph.component_outputs[request.urn] = wire.decode_struct(request.outputs)
        return empty_pb2.Empty()


@dataclass
class Constructed:
    """What one component registered, and the outputs that the calling program sees."""

    graph: Graph
    urn: str
    outputs: Mapping[str, object] = field(default_factory=dict)


class Plugin:
    """A running provider."""

    def __init__(self, stub: provider_pb2_grpc.ResourceProviderStub) -> None:
        self._stub = stub

    def schema(self) -> str:
        return str(self._stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)

    def construct(self, token: str, inputs: Mapping[str, object], *, preview: bool = False) -> Constructed:
        """Let the provider build a component; raises ``grpc.RpcError`` as the engine would see it."""
        monitor = Monitor(preview=preview)
        with serving(lambda server: add_monitor(monitor, server)) as address:
            request = provider_pb2.ConstructRequest(
                project="yaml",
                stack="test",
                dryRun=preview,
                monitorEndpoint=address,
                type=token,
                name="chat",
                inputs=wire.encode_struct(inputs),
            )
            response = self._stub.Construct(request, timeout=60)
        return Constructed(monitor.graph, response.urn, wire.decode_struct(response.state))


@contextmanager
def serving(add: Callable[[grpc.Server], None]) -> Iterator[str]:
    """A server on a free port; its address."""
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()


@contextmanager
def started(*command: str) -> Iterator[Plugin]:
    """A provider started from the folder that ``pulumi package add`` takes, or by another command."""
    line = command or (sys.executable, str(SOURCE))
    with (
        serving(lambda server: add_engine(Engine(), server)) as engine,
        subprocess.Popen([*line, engine], stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            assert process.stdout
            port = process.stdout.readline().strip()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Plugin(provider_pb2_grpc.ResourceProviderStub(channel))
        finally:
            process.terminate()
            process.wait()
