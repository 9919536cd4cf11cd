"""Registration requests of the Pulumi SDK, read into plain Python."""

from pulumi.runtime import settings
from pulumi.runtime.proto import alias_pb2, resource_pb2

from elastic_vllm.testing import wire
from elastic_vllm.testing.registration import Registration

STACK_TYPE = "pulumi:pulumi:Stack"


def urn_type(urn: str) -> str:
    """The type in a URN, with those of its parents: ``urn:pulumi:stack::project::parent$type::name``."""
    return urn.split("::", 3)[2]


def make_urn(request: resource_pb2.RegisterResourceRequest) -> str:
    """The URN that the Pulumi CLI would give the resource; the stack is left out of its types."""
    parent = urn_type(request.parent) if request.parent else STACK_TYPE
    qualified = request.type if parent == STACK_TYPE else f"{parent}${request.type}"
    return f"urn:pulumi:{settings.get_stack()}::{settings.get_project()}::{qualified}::{request.name}"


def to_registration(urn: str, request: resource_pb2.RegisterResourceRequest) -> Registration:
    """The request as plain Python."""
    return Registration(
        urn=urn,
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        provider=request.provider,
        inputs=wire.decode_struct(request.object),
        dependencies=tuple(sorted(request.dependencies)),
        property_dependencies={
            key: tuple(sorted(value.urns)) for key, value in sorted(request.propertyDependencies.items())
        },
        protect=request.protect if request.HasField("protect") else None,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        ignore_changes=tuple(request.ignoreChanges),
        aliases=tuple(_alias(item) for item in request.aliases),
        import_id=request.importId,
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        create_timeout=request.customTimeouts.create,
    )


def _alias(alias: alias_pb2.Alias) -> str:
    """An alias as text: its URN, or what it says the resource was before."""
    if alias.urn:
        return alias.urn
    parts = {descriptor.name: value for descriptor, value in alias.spec.ListFields()}
    return ",".join(f"{key}={value}" for key, value in sorted(parts.items()))
