"""A stack's configuration. Only here is ``pulumi.Config`` read; everything else gets a ``StackConfig``."""

import json
from collections.abc import Mapping

import pulumi
from pulumi.runtime.config import get_config

from elastic_vllm.rules.policy import reviewed
from elastic_vllm.rules.security import MISSING_API_KEY
from elastic_vllm.spec.finding import Finding, StackConfigError
from elastic_vllm.spec.keys import keys_of
from elastic_vllm.spec.stack import HUB_TOKEN, PROJECT, SECRET_SECTIONS, SECRETS, WORDS, StackConfig
from elastic_vllm.stack_file.files import read_stack_file
from elastic_vllm.stack_file.parsing import parse

__all__ = [
    "HUB_TOKEN",
    "PROJECT",
    "SECRETS",
    "StackConfig",
    "StackConfigError",
    "api_key",
    "hub_token",
    "load",
    "parse",
    "read_stack_file",
]


def load() -> StackConfig:
    """The selected stack's configuration, checked. A section that is not declared is an error too."""
    config = pulumi.Config(PROJECT)
    found = {name: config.get(name) for name in (*keys_of(StackConfig), *_undeclared())}
    stack = parse({name: _section(name, text) for name, text in found.items() if text is not None})
    if without := _without_key(stack):
        raise StackConfigError(without)
    review = reviewed(stack, pulumi.get_stack())
    if review.errors:  # raised to that by the team's policy; any other error was one on parsing
        raise StackConfigError(review.errors)
    for finding in review.warnings:
        pulumi.log.warn(str(finding))
    return stack.as_pulled()


def _undeclared() -> list[str]:
    """Sections that Pulumi passes and no section declares: misspelt ones would otherwise vanish silently."""
    given = [
        key.removeprefix(f"{PROJECT}:")
        for key in pulumi.runtime.get_config_env()
        if key.startswith(f"{PROJECT}:")
    ]
    return [name for name in given if name not in (*keys_of(StackConfig), *SECRET_SECTIONS)]


def _section(name: str, text: str) -> object:
    """Pulumi hands a section over as JSON and plain text as it is; what is not JSON is left to validation."""
    if name in WORDS:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _without_key(stack: StackConfig) -> list[Finding]:
    """Every key that is missing, found before anything is made; an ``Output`` would find out half-way."""
    try:
        keys = json.loads(get_config(f"{PROJECT}:{SECRETS}") or "{}")
    except ValueError:
        keys = {}  # the value itself may not be shown
    return [
        _keyless(model.name) for model in stack.models if model.require_api_key and not _key(keys, model.name)
    ]


def _key(keys: object, model_name: str) -> str | None:
    key = keys.get(model_name) if isinstance(keys, Mapping) else None
    return key if isinstance(key, str) and key else None


def api_key(model_name: str) -> pulumi.Output[str]:
    """The key that clients of a model must send. Stays secret: it never meets pydantic, a log or a diff."""
    keys = pulumi.Config(PROJECT).get_secret_object(SECRETS)
    if keys is None:
        raise StackConfigError([_keyless(model_name)])
    return keys.apply(lambda found: _pick(found, model_name))


def hub_token() -> pulumi.Output[str] | None:
    """The token of the Hugging Face hub, if one is set. Secret in the same way."""
    return pulumi.Config(PROJECT).get_secret(HUB_TOKEN)


def _pick(keys: object, model_name: str) -> str:
    key = _key(keys, model_name)
    if key is None:
        raise StackConfigError([_keyless(model_name)])
    return key


def _keyless(model_name: str) -> Finding:
    return MISSING_API_KEY.at(
        f"{SECRETS}.{model_name}",
        "is required, because the model has requireApiKey; set it with "
        f"`pulumi config set --secret --path '{PROJECT}:{SECRETS}.{model_name}'`; on the embedded cluster "
        "it comes from ELASTIC_VLLM_SECRET_API_KEYS, as JSON by model name",
        model_name,
    )
