"""What a Pulumi program registered: one ``Registration`` for each resource, all of them in a ``Graph``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


class ProgramError(Exception):
    """A program cannot be recorded; the message is for a person and holds no secret.

    Not a ``ValueError``: the Pulumi SDK wraps those in text of its own on their way out.
    """


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the program declared it, with the options that can change what happens to it.

    ``inputs`` is plain Python: whole numbers are ints, secrets are ``Secret``, what is known only after an
    update is ``UNKNOWN``. ``parent``, ``dependencies`` and the rest name resources by URN.
    """

    urn: str
    type: str
    name: str
    custom: bool
    parent: str = ""
    provider: str = ""
    inputs: Mapping[str, object] = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    protect: bool | None = None
    retain_on_delete: bool | None = None
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    import_id: str = ""
    additional_secret_outputs: tuple[str, ...] = ()
    create_timeout: str = ""
    """How long the provider waits for the resource, as in ``45m``; empty for its own default."""

    @property
    def package(self) -> str:
        """The Pulumi package that the resource needs: ``kubernetes``, ``aws``, … or the component's own."""
        return self.type.removeprefix("pulumi:providers:").partition(":")[0]

    @property
    def is_provider(self) -> bool:
        """Whether this is a provider instance and not something that a provider manages."""
        return self.type.startswith("pulumi:providers:")

    @property
    def provider_urn(self) -> str:
        """The URN in the provider reference; empty when the program left the provider to the engine."""
        return self.provider.rpartition("::")[0]


@dataclass
class Graph:
    """Everything one run of a program registered, in the order of registration, and what it exported."""

    registrations: list[Registration] = field(default_factory=list)
    outputs: dict[str, object] = field(default_factory=dict)
    """The stack's exports."""
    component_outputs: dict[str, Mapping[str, object]] = field(default_factory=dict)
    """What each component passed to ``register_outputs``, by URN."""
    _by_urn: dict[str, Registration] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Registration]:
        return iter(self.registrations)

    def __len__(self) -> int:
        return len(self.registrations)

    def find(self, urn: str) -> Registration | None:
        """The resource with this URN."""
        return self._by_urn.get(urn)

    def add(self, item: Registration) -> None:
        """Append a resource; its URN is new."""
        self.registrations.append(item)
        self._by_urn[item.urn] = item

    def named(self, name: str) -> Registration:
        """The one resource with this logical name."""
        found = [item for item in self.registrations if item.name == name]
        if len(found) == 1:
            return found[0]
        names = ", ".join(sorted({f"{item.name} ({item.type})" for item in found or self.registrations}))
        raise LookupError(f"{len(found)} resources are named {name!r}; there are: {names or 'none at all'}")

    def of_type(self, type_token: str) -> list[Registration]:
        """All resources of this type token."""
        return [item for item in self.registrations if item.type == type_token]
