"""Pulumi's property paths, as ``ignoreChanges`` has them: ``spec.replicas``, ``metadata.labels["a.b/c"]``."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from elastic_vllm.testing.errors import EngineError
from elastic_vllm.testing.values import transform

_STEP: Final = re.compile(r"""\.?([^.\[\]"]+)|\[(\d+|\*)\]|\["((?:[^"\\]|\\.)*)"\]""")
_ABSENT: Final = object()


def parse(path: str) -> tuple[str | int, ...]:
    """The steps of a path; ``*`` stands for every key or item."""
    steps: list[str | int] = []
    position = 0
    while position < len(path):
        found = _STEP.match(path, position)
        if not found:
            raise EngineError(f"ignoreChanges has {path!r}, which is no property path: write `spec.replicas`")
        key, index, quoted = found.groups()
        step = key if key is not None else index if index is not None else quoted.replace('\\"', '"')
        steps.append(int(step) if index not in (None, "*") else step)
        position = found.end()
    return tuple(steps)


def keep(
    desired: Mapping[str, object], live: Mapping[str, object], paths: Iterable[str]
) -> dict[str, object]:
    """``desired`` with the live value, or its absence, at each path: what ``ignoreChanges`` means."""
    copy = {key: transform(value, lambda leaf: leaf) for key, value in desired.items()}
    for path in paths:
        _keep(copy, live, parse(path))
    return copy


def _keep(desired: object, live: object, path: tuple[str | int, ...]) -> None:
    step, rest = path[0], path[1:]
    for key in _keys(desired, live) if step == "*" else [step]:
        was = _get(live, key)
        if not rest:
            _set(desired, key, was)
        elif _get(desired, key) is not _ABSENT:
            _keep(_get(desired, key), was, rest)
        elif was is not _ABSENT and isinstance(key, str):
            _set(desired, key, {})
            _keep(_get(desired, key), was, rest)


def _keys(*containers: object) -> list[str | int]:
    keys: dict[str | int, None] = {}
    for container in containers:
        if isinstance(container, Mapping):
            keys.update(dict.fromkeys(container))
        elif isinstance(container, list):
            keys.update(dict.fromkeys(range(len(container))))
    return list(keys)


def _get(container: object, key: str | int) -> object:
    if isinstance(container, Mapping):
        return container.get(key, _ABSENT)
    if isinstance(container, list) and isinstance(key, int) and key < len(container):
        return container[key]
    return _ABSENT


def _set(container: object, key: str | int, value: object) -> None:
    if isinstance(container, dict):
        if value is _ABSENT:
            container.pop(key, None)
        else:
            container[key] = value
    elif (
        isinstance(container, list) and isinstance(key, int) and value is not _ABSENT and key < len(container)
    ):
        container[key] = value
