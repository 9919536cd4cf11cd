"""Kubernetes objects as plain mappings, and what names one of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from elastic_vllm.testing.values import mapping, text

Object = Mapping[str, object]
"""A Kubernetes object as the apiserver speaks it."""


@dataclass(frozen=True, kw_only=True, order=True)
class Ref:
    """Names one object; two versions of one API name the same object, so compare by ``key``."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes an object the same object."""
        return self.group, self.kind, self.namespace, self.name

    @property
    def id(self) -> str:
        """The id that Pulumi's Kubernetes provider gives the object."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


def metadata(item: Object) -> Mapping[str, object]:
    """The object's metadata."""
    return mapping(item.get("metadata"))


def annotation(item: Object, name: str) -> str:
    """The value of an annotation; empty when it is not there."""
    return text(mapping(metadata(item).get("annotations")).get(name))
