"""Converts a builder's output to the Kubernetes API's camelCase, for custom resources."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.alias_generators import to_camel

Manifest = dict[str, Any]  # Any: a manifest nests as deep as Kubernetes likes
_KEYED_BY_NAME = ("annotations", "labels", "limits", "match_labels", "node_selector", "requests")
"""Fields whose keys are names, which keep their case."""


def to_api_case(built: Mapping[str, Any]) -> Manifest:  # Any: as above
    """The same in camelCase; a Python keyword loses its trailing underscore."""
    return {
        to_camel(key.rstrip("_")): dict(value) if key in _KEYED_BY_NAME else _api_value(value)
        for key, value in built.items()
    }


def _api_value(value: object) -> object:
    if isinstance(value, Mapping):
        return to_api_case(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_api_value(item) for item in value]
    return value
