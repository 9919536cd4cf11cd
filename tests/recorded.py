"""Reads recorded values: without their secret marks, or for such a mark anywhere inside."""

from collections.abc import Callable, Mapping

from elastic_vllm.testing.values import Secret, Unknown


def transform(value: object, leaf: Callable[[object], object]) -> object:
    """Copy ``value``, with ``leaf`` applied to everything that is neither a mapping nor a list."""
    if isinstance(value, Mapping):
        return {str(key): transform(item, leaf) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [transform(item, leaf) for item in value]
    return leaf(value)


def reveal(value: object) -> object:
    """Copy ``value`` without its secret marks."""
    return transform(value, lambda item: reveal(item.value) if isinstance(item, Secret) else item)


def contains(value: object, kind: type[Secret] | type[Unknown]) -> bool:
    """Whether a secret (or an unknown) is anywhere inside."""
    if isinstance(value, kind):
        return True
    if isinstance(value, Secret):
        return contains(value.value, kind)
    if isinstance(value, Mapping):
        return any(contains(item, kind) for item in value.values())
    return isinstance(value, list | tuple) and any(contains(item, kind) for item in value)
