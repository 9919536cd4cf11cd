"""Serves the components over Pulumi's provider protocol."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pulumi
from pulumi.errors import InputPropertiesError
from pulumi.provider import ConstructResult, Provider
from pulumi.provider import main as serve
from pydantic import ValidationError
from pydantic.alias_generators import to_snake

from elastic_vllm import __version__
from elastic_vllm.provider.components import COMPONENTS, Component
from elastic_vllm.provider.inputs import LEARNT, normal
from elastic_vllm.spec.translation import findings_of

_SCHEMA = Path(__file__).with_name("schema.json").read_text(encoding="utf-8")
"""What other languages see; written from the models of ``inputs`` by ``make schema``."""
_BY_TOKEN = {component.token: component for component in COMPONENTS}


class ComponentProvider(Provider):
    """Builds the components of ``COMPONENTS`` from checked inputs."""

    def __init__(self) -> None:
        super().__init__(__version__, _SCHEMA)

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: Mapping[str, object],
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Register one component; a wrong input is an error at its key and never a traceback."""
        component = _BY_TOKEN.get(resource_type)
        if component is None:
            raise _refused(
                {"": f"unknown resource type {resource_type!r}; there are: {', '.join(_BY_TOKEN)}"}
            )
        given = _checked(component, inputs)
        try:
            made = component.build(name, given, options)
        except ValueError as problem:
            key, _, reason = str(problem).partition(": ")
            raise _refused({key: reason} if reason else {"": key}) from None
        outputs = json.loads(_SCHEMA)["resources"][resource_type]["properties"]
        urn = _settled(component, inputs, made.urn)
        return ConstructResult(urn, {each: getattr(made, to_snake(each)) for each in outputs})


def _checked(component: Component, inputs: Mapping[str, object]) -> object:
    learnt = _learnt(component)
    given = {
        key: pulumi.Output.from_input(value) if key in learnt and list(_outputs(value)) else normal(value)
        for key, value in inputs.items()
    }
    unknown = {
        key + path: "decides which resources there are; give a plain value, not an output"
        for key, value in given.items()
        if key not in learnt
        for path in _outputs(value)
    }
    if unknown:
        raise _refused(unknown)
    try:
        return component.inputs.model_validate(given, strict=True, by_alias=True, by_name=False)
    except ValidationError as problem:
        found = findings_of(problem, given, component.inputs)
        raise _refused({each.key: each.message for each in found}) from None


def _learnt(component: Component) -> set[str]:
    return {str(f.alias) for f in component.inputs.model_fields.values() if LEARNT in f.metadata}


async def _settled(component: Component, inputs: Mapping[str, object], urn: pulumi.Output[str]) -> str:
    """The component's URN, once every output that it was given turned out to be valid.

    The component checks it too, but what is raised there ends in a traceback of the SDK's own.
    """
    for key in _learnt(component) & inputs.keys():
        value = await pulumi.Output.from_input(inputs[key]).future()
        if value is not None:
            _checked(component, {**inputs, key: value})
    return await urn.future() or ""


def _outputs(value: object, path: str = "") -> Iterator[str]:
    """Where in a value there are outputs."""
    if isinstance(value, pulumi.Output | pulumi.output.Unknown):
        yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _outputs(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _outputs(item, f"{path}[{index}]")


def _refused(problems: Mapping[str, str]) -> InputPropertiesError:
    """One line for each key, in the message too: not every version of the CLI prints the details."""
    lines = [f"{key}: {reason}" if key else reason for key, reason in problems.items()]
    details = [{"property_path": key, "reason": reason} for key, reason in problems.items()]
    return InputPropertiesError("\n".join(lines), details)  # type: ignore[arg-type]


def main() -> None:
    """Serve until the engine that started this process ends it."""
    serve(ComponentProvider(), sys.argv[1:])
