"""A builder's output in the API's own spelling, for custom resources, which Pulumi passes on as they are."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.alias_generators import to_camel

Manifest = dict[str, Any]  # Any: a manifest nests as deep as Kubernetes likes
_NAMES_OF_OTHERS = ("annotations", "labels", "limits", "match_labels", "node_selector", "requests")
"""Their keys are names, no fields."""


def spelt(built: Mapping[str, Any]) -> Manifest:  # Any: as above
    """Field by field in camelCase; a keyword of Python loses its underscore."""
    return {
        to_camel(key.rstrip("_")): dict(value) if key in _NAMES_OF_OTHERS else _spelt(value)
        for key, value in built.items()
    }


def _spelt(value: object) -> object:
    if isinstance(value, Mapping):
        return spelt(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_spelt(item) for item in value]
    return value
