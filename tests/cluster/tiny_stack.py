"""A stack of a few objects in a namespace of its own, deployed by the real Pulumi CLI to a real apiserver."""

import contextlib
import json
import os
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, Secret, Service
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.provider import Provider

from elastic_vllm.clouds.local.cluster import PROVIDER_VERSION
from elastic_vllm.testing.values import mapping, text
from fleet import deploy
from fleet.deploy import backend
from fleet.deploy.changes import Action, Change
from fleet.deploy.program import StackRef
from fleet.kube.apiserver import Apiserver, connect
from fleet.kube.objects import Object, Ref, metadata
from tests.cluster.objects import apply, delete

if TYPE_CHECKING:
    import pytest  # not at run time: the processes that are killed import this module

Build = Callable[["Builder"], object]


@dataclass
class Recorder:
    """A reporter that remembers."""

    changes: list[Change] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def changed(self, change: Change) -> None:
        self.changes.append(change)
        self.lines.extend(change.lines())

    def progress(self, subject: str, state: str) -> None:
        self.lines.append(f"{subject}: {state}")

    def said(self, severity: str, message: str) -> None:
        self.lines.append(f"{severity}: {message}")

    def did(self) -> dict[str, Action]:
        """What happened to each object, by kind and name; unchanged ones and the provider left out."""
        return {
            _without_namespace(change.subject): change.action
            for change in self.changes
            if change.action != Action.UNCHANGED and not change.subject.startswith("provider ")
        }


def _without_namespace(subject: str) -> str:
    kind, _, name = subject.partition(" ")
    return f"{kind} {name.rpartition('/')[2]}"


@dataclass(frozen=True)
class Builder:
    """Declares objects in the stack's namespace under the embedded cluster's provider."""

    namespace: str
    provider: Provider

    def options(self, more: pulumi.ResourceOptions | None = None) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=self.provider), more)

    def metadata(self, name: str, *, skip_await: bool = False) -> ObjectMetaArgs:
        annotations = {"pulumi.com/skipAwait": "true"} if skip_await else None
        return ObjectMetaArgs(name=name, namespace=self.namespace, annotations=annotations)

    def config_map(
        self, name: str, data: dict[str, pulumi.Input[str]], opts: pulumi.ResourceOptions | None = None
    ) -> ConfigMap:
        return ConfigMap(name, metadata=self.metadata(name), data=data, opts=self.options(opts))

    def secret(self, name: str, key: pulumi.Input[str]) -> Secret:
        opts = self.options()
        return Secret(name, metadata=self.metadata(name), string_data={"key": key}, opts=opts)

    def service(self, name: str, port: int = 80) -> Service:
        """Has no pods, and would be waited for until it has some."""
        return Service(
            name,
            metadata=self.metadata(name, skip_await=True),
            spec={"selector": {"app": name}, "ports": [{"name": "http", "port": port}]},
            opts=self.options(),
        )

    def deployment(
        self, name: str, *, args: list[str], app: str = "", opts: pulumi.ResourceOptions | None = None
    ) -> Deployment:
        labels = {"app": app or name}
        return Deployment(
            name,
            metadata=self.metadata(name),
            spec={
                "replicas": 0,
                "selector": {"match_labels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "main", "image": "example.com/none:1", "args": args}]},
                },
            },
            opts=self.options(opts),
        )


@dataclass(frozen=True)
class TinyStack:
    """One stack in one namespace, and the ways to run it."""

    ref: StackRef
    namespace: str

    @property
    def api(self) -> Apiserver:
        return connect(self.ref.kubeconfig)

    def with_program(self, build: Build) -> StackRef:
        def program() -> None:
            provider = Provider(
                "embedded",
                kubeconfig=str(self.ref.kubeconfig),
                enable_server_side_apply=True,
                enable_secret_mutable=True,
                enable_config_map_mutable=True,
                opts=pulumi.ResourceOptions(version=PROVIDER_VERSION),
            )
            build(Builder(self.namespace, provider))

        return replace(self.ref, program=program)

    def up(self, build: Build, *, refresh: bool = False) -> Recorder:
        recorder = Recorder()
        deploy.up(self.with_program(build), reporter=recorder, refresh=refresh)
        return recorder

    def preview(self, build: Build) -> Recorder:
        recorder = Recorder()
        deploy.preview(self.with_program(build), reporter=recorder)
        return recorder

    def refresh(self) -> Recorder:
        recorder = Recorder()
        deploy.refresh(self.ref, reporter=recorder)
        return recorder

    def destroy(self) -> Recorder:
        recorder = Recorder()
        deploy.destroy(self.ref, reporter=recorder)
        return recorder

    def object(self, kind: str, name: str, api_version: str = "v1") -> Object | None:
        return self.api.get(Ref(api_version=api_version, kind=kind, namespace=self.namespace, name=name))

    def config_map(self, name: str) -> Object:
        found = self.object("ConfigMap", name)
        assert found is not None, f"there is no ConfigMap {name}"
        return found

    def members(self) -> set[str]:
        """What the state holds, by kind and name."""
        file = backend.state_file(self.ref)
        latest = json.loads(file.read_text())["checkpoint"]["latest"] if file.is_file() else {}
        urns = [resource["urn"] for resource in latest.get("resources", ())]
        objects = [urn for urn in urns if "::kubernetes:" in urn]
        return {f"{urn.split('::')[2].rpartition(':')[2]} {urn.split('::')[3]}" for urn in objects}

    def versions(self) -> dict[str, str]:
        """The resource version of each object that the state holds."""
        found = {}
        for member in self.members():
            kind, name = member.split()
            live = self.object(kind, name, "apps/v1" if kind == "Deployment" else "v1")
            found[member] = text(metadata(live or {}).get("resourceVersion"))
        return found


def kubeconfig(request: "pytest.FixtureRequest") -> Path:
    """Of the cluster that the environment names, else of the one that all cluster tests share."""
    named = os.environ.get("ELASTIC_VLLM_KUBECONFIG")
    return Path(named) if named else Path(request.getfixturevalue("cluster").kubeconfig)


def create(kubeconfig: Path, home: Path, prefix: str) -> TinyStack:
    """A stack with a namespace that no stack owns, so that a test need not wait for its deletion."""
    api, name = connect(kubeconfig), f"{prefix}-{token_hex(3)}"
    namespace = Ref(api_version="v1", kind="Namespace", namespace="", name=name)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    apply(api, namespace, body)
    ref = StackRef(name=name, program=lambda: None, kubeconfig=kubeconfig, home=home)
    return TinyStack(ref, name)


def remove(stack: TinyStack) -> None:
    """Take the stack's namespace away, whatever a test left in it."""
    ref = Ref(api_version="v1", kind="Namespace", namespace="", name=stack.namespace)
    with contextlib.suppress(Exception):
        delete(stack.api, ref)


def base64(value: str) -> str:
    return b64encode(value.encode()).decode()


def data(item: Object) -> dict[str, object]:
    return dict(mapping(item.get("data")))
