"""Writes the Pulumi package schema that the provider ships, from the models that check its inputs.

Pulumi's own analyzer reads annotations, and accepts neither literals nor unions. Pydantic's JSON schema has
them with each key's text, so that a key which a spec gains is in every language at once.
"""

import ast
import inspect
import itertools
import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pydantic.alias_generators import to_camel

from elastic_vllm import __version__
from elastic_vllm.provider.components import COMPONENTS, PACKAGE, Component
from elastic_vllm.provider.inputs import ENCRYPTED, LEARNT

PATH = Path("components/elastic_vllm/provider/schema.json")

_Json = dict[str, Any]  # Any: a schema nests as deep as it likes


def text() -> str:
    """The file. The same models give the same bytes."""
    return json.dumps(package(), indent=2, ensure_ascii=False) + "\n"


def package() -> _Json:
    """The whole schema."""
    types: _Json = {}
    resources = {component.token: _resource(component, types) for component in COMPONENTS}
    return {
        "name": PACKAGE,
        "version": __version__,
        "description": "Qwen3-VL on vLLM on elastic GPUs.",
        "keywords": ["category/cloud", "kind/component", "kubernetes", "vllm"],
        "meta": {"supportPack": True},
        "language": {name: {"respectSchemaVersion": True} for name in ("csharp", "go", "nodejs", "python")},
        "types": dict(sorted(types.items())),
        "resources": resources,
    }


def _resource(component: Component, types: _Json) -> _Json:
    schema = component.inputs.model_json_schema(by_alias=True)
    types |= {_token(name): _section(part) for name, part in schema.get("$defs", {}).items()}
    given = {name: _property(part) for name, part in schema["properties"].items()}
    for field in component.inputs.model_fields.values():
        if LEARNT not in field.metadata:
            given[str(field.alias)]["plain"] = True
        if ENCRYPTED in field.metadata:
            given[str(field.alias)]["secret"] = True
    outputs = dict(_outputs(component.kind))
    return {
        "isComponent": True,
        "description": _prose(inspect.getdoc(component.kind) or ""),
        "inputProperties": given,
        "requiredInputs": sorted(schema.get("required", ())),
        "properties": outputs,
        "required": sorted(outputs),
    }


def _section(schema: Mapping[str, Any]) -> _Json:
    """A section of a model. What is in it is plain, as the section is."""
    properties = schema.get("properties", {})
    return {
        "type": "object",
        "description": _prose(schema.get("description", "")),
        "properties": {name: {**_property(part), "plain": True} for name, part in properties.items()},
        "required": sorted(schema.get("required", ())),
    }


def _property(schema: Mapping[str, Any]) -> _Json:
    made = _type(schema)
    made["description"] = _prose(schema.get("description", "")) + _choice(schema) + _default(schema)
    if "const" in schema:
        made["const"] = schema["const"]
    return made


def _type(schema: Mapping[str, Any]) -> _Json:
    if "$ref" in schema:
        return {"$ref": f"#/types/{_token(schema['$ref'].rpartition('/')[2])}"}
    options = [part for part in _options(schema) if part.get("type") != "null"]
    if len(options) == 1:
        return _type(options[0])
    if options:
        return {"oneOf": [_type(part) for part in options], **_discriminator(schema)}
    if schema["type"] == "array":
        item = schema["items"] if "items" in schema else schema["prefixItems"][0]
        return {"type": "array", "items": {**_type(item), "plain": True}}
    if schema["type"] == "object":
        return {
            "type": "object",
            "additionalProperties": {**_type(schema["additionalProperties"]), "plain": True},
        }
    return {"type": schema["type"]}


def _options(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*schema.get("anyOf", ()), *schema.get("oneOf", ())]


def _discriminator(schema: Mapping[str, Any]) -> _Json:
    if "discriminator" not in schema:
        return {}
    kinds = {
        kind: f"#/types/{_token(ref.rpartition('/')[2])}"
        for kind, ref in schema["discriminator"]["mapping"].items()
    }
    return {"discriminator": {**schema["discriminator"], "mapping": kinds}}


def _token(name: str) -> str:
    return f"{PACKAGE}:serving:{name}"


def _choice(schema: Mapping[str, Any]) -> str:
    for part in (schema, *_options(schema)):
        if "enum" in part:
            return f" One of: {', '.join(map(str, part['enum']))}."
    return ""


def _default(schema: Mapping[str, Any]) -> str:
    """As text: a default in the schema would be fixed in each generated SDK."""
    default = schema.get("default")
    shown = json.dumps(default) if isinstance(default, bool) else default
    return f" Default: {shown}." if isinstance(default, str | int | float) else ""


def _outputs(kind: type[pulumi.ComponentResource]) -> Iterator[tuple[str, _Json]]:
    """What the class declares as ``pulumi.Output[str]``."""
    described = _attributes(kind)
    for name, hint in inspect.get_annotations(kind, eval_str=True).items():
        if name in described and hint == pulumi.Output[str]:
            yield to_camel(name), {"type": "string", "description": _prose(described[name])}


def _attributes(kind: type) -> dict[str, str]:
    """The texts below a class's own attributes, which are not there at run time."""
    (made,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    return {
        ast.unparse(before.target): str(ast.literal_eval(after.value))
        for before, after in itertools.pairwise(made.body if isinstance(made, ast.ClassDef) else ())
        if isinstance(before, ast.AnnAssign) and isinstance(after, ast.Expr)
    }


def _prose(text: str) -> str:
    return inspect.cleandoc(text).replace("``", "`")


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
