"""Kubernetes objects as plain mappings, and what names one of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from elastic_vllm.testing.values import mapping

Object = Mapping[str, object]
"""A Kubernetes object as the apiserver speaks it."""


@dataclass(frozen=True, kw_only=True, order=True)
class Ref:
    """Names one object."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def id(self) -> str:
        """The id that Pulumi's Kubernetes provider gives the object."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


def metadata(item: Object) -> Mapping[str, object]:
    """The object's metadata."""
    return mapping(item.get("metadata"))
