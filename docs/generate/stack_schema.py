"""Writes the JSON schemas of stack files and of the policy: ``python -m docs.generate.stack_schema``.

It describes the whole of ``Pulumi.<stack>.yaml``, so that the first line of a stack file can point at it.
What JSON schema cannot say (bounds that must be ordered, a model's pool) is left to ``stack_file.parsing``.
"""

import json
from pathlib import Path

from pydantic.json_schema import GenerateJsonSchema

from elastic_vllm import rules as checks
from elastic_vllm.rules.policy import Policy
from elastic_vllm.spec.stack import HUB_TOKEN, PROJECT, SECRETS, StackConfig

PATH = Path("stacks/schema.json")
POLICY_PATH = Path("stacks/policy.schema.json")

_ENCRYPTED = {
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}


class _Untitled(GenerateJsonSchema):
    """Without the titles that only repeat each key."""

    def field_title_should_be_set(self, schema: object) -> bool:
        del schema
        return False


def schema() -> dict[str, object]:
    """The schema as plain data. The same models give the same bytes."""
    declared = StackConfig.model_json_schema(by_alias=True, schema_generator=_Untitled)
    sections = {f"{PROJECT}:{name}": section for name, section in declared["properties"].items()}
    sections[f"{PROJECT}:{SECRETS}"] = {
        "description": "Keys that clients must send, by model name; encrypted by Pulumi.",
        "anyOf": [_ENCRYPTED, {"type": "object", "additionalProperties": _ENCRYPTED}],
    }
    sections[f"{PROJECT}:{HUB_TOKEN}"] = {
        "description": "A token of the Hugging Face hub, for what is not public; encrypted by Pulumi.",
        **_ENCRYPTED,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{PROJECT} stack file",
        "type": "object",
        "required": ["config"],
        "additionalProperties": False,
        "properties": {
            "config": {
                "type": "object",
                "description": "Our sections, and settings of Pulumi and its providers.",
                "required": [f"{PROJECT}:{name}" for name in declared["required"]],
                "properties": sections,
                "patternProperties": {f"^(?!{PROJECT}:)[^:]+:.+$": True},
                "additionalProperties": False,
            },
            **{
                key: {"type": "string", "description": "Kept by Pulumi."}
                for key in ("encryptedkey", "encryptionsalt", "secretsprovider")
            },
            "environment": {"description": "Pulumi ESC environments.", "type": ["array", "object"]},
        },
        "$defs": declared["$defs"],
    }


def text() -> str:
    """The file's content."""
    return json.dumps(schema(), indent=2, ensure_ascii=False).replace("``", "`") + "\n"


def policy_text() -> str:
    """The content of the policy's schema."""
    declared = Policy.model_json_schema(by_alias=True, schema_generator=_Untitled)
    known = sorted(checks.KINDS)
    declared["$defs"]["PolicyException"]["properties"]["finding"]["enum"] = known
    return json.dumps(declared, indent=2, ensure_ascii=False).replace("``", "`") + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    POLICY_PATH.write_text(policy_text(), encoding="utf-8")
