"""What the embedded engine takes on: everything else is refused before anything is applied."""

import re
from pathlib import Path
from typing import Final

import yaml

from elastic_vllm.testing.errors import EngineError
from elastic_vllm.testing.registration import Registration
from elastic_vllm.testing.values import items, mapping, reveal, text
from fleet.embedded.engine import property_path

_USE_THE_CLI: Final = "deploy with `--engine pulumi`"
_PROVIDER: Final = "pulumi:providers:kubernetes"
_PROVIDER_INPUTS: Final = frozenset(
    {
        "kubeconfig",
        "namespace",
        "enableServerSideApply",
        "enableConfigMapMutable",
        "enableSecretMutable",
        "suppressDeprecationWarnings",
        "suppressHelmHookWarnings",
    }
)
_ANNOTATIONS: Final = frozenset(
    {"pulumi.com/skipAwait", "pulumi.com/timeoutSeconds", "pulumi.com/patchForce", "pulumi.com/waitFor"}
)
_CONDITION: Final = re.compile(r"condition=[A-Za-z]+")
_NO_OBJECTS: Final = re.compile(r"^kubernetes:(helm\.sh|yaml|kustomize)[/:]")


class Admission:
    """Checks each registration of a run; remembers the providers that it has admitted."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._namespaces: dict[str, str] = {}

    def admit(self, item: Registration) -> None:
        """Refuse what this engine cannot do, or would have to ignore."""
        for option in item.other_options:
            raise EngineError(
                f"{_who(item)} sets {option}, which the embedded engine does not know: {_USE_THE_CLI}"
            )
        if item.is_provider:
            self._admit_provider(item)
        elif item.custom:
            self._admit_object(item)

    def namespace(self, item: Registration) -> str:
        """The namespace of the resource's provider."""
        return self._namespaces.get(item.provider_urn, "default")

    def _admit_provider(self, item: Registration) -> None:
        if item.type != _PROVIDER:
            raise EngineError(
                f"{_who(item)}: the embedded engine deploys Kubernetes objects only; {_USE_THE_CLI}"
            )
        unknown = sorted(set(item.inputs) - _PROVIDER_INPUTS - {"version"})
        if unknown:
            raise EngineError(
                f"{_who(item)} sets {', '.join(unknown)}, which the embedded engine does not know"
            )
        if item.inputs.get("enableServerSideApply") in ("false", False):
            raise EngineError(
                f"{_who(item)} turns server-side apply off; the embedded engine has nothing else"
            )
        if not self._is_ours(reveal(item.inputs.get("kubeconfig"))):
            raise EngineError(
                f"{_who(item)} points at another cluster than the embedded one ({self._kubeconfig})"
            )
        self._namespaces[item.urn] = text(reveal(item.inputs.get("namespace"))) or "default"

    def _is_ours(self, kubeconfig: object) -> bool:
        if not isinstance(kubeconfig, str) or not kubeconfig:
            return False
        if "\n" not in kubeconfig and not kubeconfig.lstrip().startswith("{"):
            return Path(kubeconfig).expanduser().resolve() == self._kubeconfig.resolve()
        try:
            return _clusters(kubeconfig) == _clusters(self._kubeconfig.read_text())
        except (OSError, yaml.YAMLError):
            return False

    def _admit_object(self, item: Registration) -> None:
        if item.package != "kubernetes":
            raise EngineError(
                f"{_who(item)} is no Kubernetes object; the embedded engine has nothing else: {_USE_THE_CLI}"
            )
        kind = text(item.inputs.get("kind"))
        if _NO_OBJECTS.match(item.type) or item.type.rpartition(":")[2] != kind or kind.endswith("List"):
            raise EngineError(
                f"{_who(item)} is no single object; the embedded engine has no Helm, lists or patches"
            )
        if item.provider_urn not in self._namespaces:
            raise EngineError(
                f"{_who(item)} has no explicit Kubernetes provider: pass it the embedded cluster's"
            )
        _admit_metadata(item)
        for path in item.ignore_changes:
            property_path.parse(path)


def _admit_metadata(item: Registration) -> None:
    annotations = mapping(mapping(reveal(item.inputs.get("metadata"))).get("annotations"))
    unknown = sorted(
        name for name in annotations if name.startswith("pulumi.com/") and name not in _ANNOTATIONS
    )
    if unknown:
        raise EngineError(
            f"{_who(item)} has the annotation {unknown[0]}, which the embedded engine does not know"
        )
    wait = annotations.get("pulumi.com/waitFor")
    if wait is not None and not _CONDITION.fullmatch(str(wait)):
        raise EngineError(
            f"{_who(item)} has pulumi.com/waitFor {str(wait)!r}; the embedded engine knows condition=<Type>"
        )


def _who(item: Registration) -> str:
    return f"{item.name} ({item.type})"


def _clusters(content: str) -> list[str]:
    """The apiservers that a kubeconfig names."""
    clusters = items(mapping(yaml.safe_load(content)).get("clusters"))
    return sorted(text(mapping(mapping(entry).get("cluster")).get("server")) for entry in clusters)
