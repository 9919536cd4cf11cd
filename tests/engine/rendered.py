"""What a stack renders, read back as a kubelet would: the model's container, its files, what probes ask."""

import json
import runpy
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from elastic_vllm.stack_file.config import PROJECT, read_stack_file
from elastic_vllm.testing.monitor import run
from elastic_vllm.testing.registration import Graph
from tests.recorded import reveal

ROOT = Path(__file__).parents[2]
STACK = Path(__file__).with_name("Pulumi.engine.yaml")
KEY = "sk-of-the-engine-tests"


@dataclass(frozen=True)
class Rendered:
    """One model's pod, as far as a process can be it."""

    args: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[str, str]
    """Absolute path in the container, and content: its ConfigMaps."""
    probes: Mapping[str, tuple[str, int | str]]
    """``startup``, ``readiness``, ``liveness``: path, and port by number or name."""
    ports: Mapping[str, int]
    pre_stop: tuple[str, ...]
    """A command."""
    grace_seconds: int

    @property
    def pre_stop_seconds(self) -> int:
        """How long the command takes."""
        return int(self.pre_stop[-1])

    def option(self, name: str) -> str:
        """The value of an option that is rendered."""
        return self.args[self.args.index(name) + 1]


def broken(whole: Rendered, changes: Mapping[str, tuple[str, ...] | None]) -> Rendered:
    """The container with some of its options changed."""
    words = list(whole.args)
    for name, values in changes.items():
        if name in words:
            at = words.index(name)
            del words[at : at + 2]
        if values is not None:
            words += [name, *values]
    return replace(whole, args=tuple(words))


def graph(tmp_path: Path, shape: Mapping[str, object] | None = None, **engine: object) -> Graph:
    """The whole program of the tests' stack, recorded.

    ``engine`` replaces keys of the model's engine, ``shape`` those of the model, on nodes of four GPUs.
    """
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("apiVersion: v1\nkind: Config\n")
    sections: dict[str, Any] = dict(read_stack_file(STACK))  # Any: YAML
    model = sections["models"][0]
    model["engine"] = {**model["engine"], **engine}
    if shape:
        model |= shape
        sections["pools"][0]["gpusPerNode"] = 4
    config = {f"{PROJECT}:{name}": json.dumps(value) for name, value in sections.items()}
    config[f"{PROJECT}:apiKeys"] = json.dumps({model["name"]: KEY})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELASTIC_VLLM_KUBECONFIG", str(kubeconfig))
        return run(
            lambda: runpy.run_path(str(ROOT / "__main__.py")),
            config=config,
            secret_keys=[f"{PROJECT}:apiKeys"],
            stack="engine",
        )


def rendered(made: Graph, model: str = "chat") -> Rendered:
    """The pod of one model of a recorded program."""
    deployment: Any = reveal(made.named(f"{model}-deployment").inputs)  # Any: a manifest
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    return Rendered(
        args=tuple(container["args"]),
        env={item["name"]: _value(made, item) for item in container["env"]},
        files=_files(made, pod["volumes"], container["volumeMounts"]),
        probes={
            kind: (container[f"{kind}Probe"]["httpGet"]["path"], container[f"{kind}Probe"]["httpGet"]["port"])
            for kind in ("startup", "readiness", "liveness")
        },
        ports={port["name"]: port["containerPort"] for port in container["ports"]},
        pre_stop=tuple(container["lifecycle"]["preStop"]["exec"]["command"]),
        grace_seconds=pod["terminationGracePeriodSeconds"],
    )


def _value(made: Graph, variable: Mapping[str, Any]) -> str:
    if "value" in variable:
        return str(variable["value"])
    reference = variable["valueFrom"]["secretKeyRef"]
    secret = _object(made, "kubernetes:core/v1:Secret", reference["name"])
    return b64decode(secret["data"][reference["key"]]).decode()


def _files(made: Graph, volumes: list[Any], mounts: list[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for volume in volumes:
        if "configMap" in volume:
            (at,) = [mount["mountPath"] for mount in mounts if mount["name"] == volume["name"]]
            content = _object(made, "kubernetes:core/v1:ConfigMap", volume["configMap"]["name"])["data"]
            found |= {f"{at}/{name}": text for name, text in content.items()}
    return found


def _object(made: Graph, kind: str, name: str) -> Any:
    objects: list[Any] = [reveal(item.inputs) for item in made.of_type(kind)]  # Any: manifests
    (found,) = [item for item in objects if item["metadata"]["name"] == name]
    return found
