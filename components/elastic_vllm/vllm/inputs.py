"""What a program may learn during an update and put into a replica's pods: image, resources, commit.

None of it decides which objects there are. Pulumi is imported only where such a value is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING, TypeVar

from elastic_vllm.spec import ModelSpec, ResourcesSpec
from elastic_vllm.vllm.quantity import cores, gibibytes

if TYPE_CHECKING:
    import pulumi

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class PodInputs:
    """Values in the place of the spec's; ``None`` leaves the spec's. Each is checked once it is known."""

    image: pulumi.Input[str] | None = None
    resources: pulumi.Input[ResourcesSpec] | None = None
    revision: pulumi.Input[str] | None = None

    def image_of(self, model: ModelSpec) -> pulumi.Input[str]:
        """The image of the vLLM container."""
        if self.image is None:
            return model.engine.image
        return _made(self.image, lambda image: _with(model, engine=_image(model, image)).engine.image)

    def cpu_of(self, model: ModelSpec) -> pulumi.Input[str]:
        """The cores that the container requests, as a quantity."""
        return self._resources(model, lambda asked: cores(asked.cpu))

    def memory_of(self, model: ModelSpec) -> pulumi.Input[str]:
        """The memory that the container requests and may use, as a quantity."""
        return self._resources(model, lambda asked: gibibytes(asked.memory_gib))

    def shared_of(self, model: ModelSpec) -> pulumi.Input[str]:
        """The size of ``/dev/shm``: what processes share, and the KV blocks that left the GPUs.

        vLLM keeps those in files there, and does not start where they do not fit.
        """
        offloaded = model.engine.kv_offloading_gib or 0
        return self._resources(model, lambda asked: gibibytes(asked.shm_gib + offloaded))

    def revision_of(self, model: ModelSpec) -> pulumi.Input[str] | None:
        """The commit of a mounted hub cache that is served; vLLM takes the cache's ``main`` without one."""
        if self.revision is None:
            return model.revision
        return _made(self.revision, lambda commit: _with(model, revision=commit).revision or commit)

    def _resources(self, model: ModelSpec, quantity: Callable[[ResourcesSpec], str]) -> pulumi.Input[str]:
        if self.resources is None:
            return quantity(model.resources)
        return _made(self.resources, lambda asked: quantity(_with(model, resources=asked).resources))


AS_DECLARED = PodInputs()
"""Everything as the spec has it."""


def _image(model: ModelSpec, image: str) -> Mapping[str, object]:
    return {name: getattr(model.engine, name) for name in model.engine.model_fields_set} | {"image": image}


def _with(model: ModelSpec, **sections: object) -> ModelSpec:
    """The model with other sections, every rule between them checked again."""
    given = {name: getattr(model, name) for name in model.model_fields_set}
    return ModelSpec.model_validate(given | sections)


def _made(value: pulumi.Input[_T], make: Callable[[_T], str]) -> pulumi.Input[str]:
    """What is made of a value: at once where it is plain, and once it is known where it is not."""
    import pulumi  # noqa: PLC0415  # see the module's docstring

    if isinstance(value, pulumi.Output) or isawaitable(value):
        return pulumi.Output.from_input(value).apply(make)
    return make(value)
