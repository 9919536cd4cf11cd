"""How a replica comes and goes: budgets, drains, images.

Held by construction, and tested, so no finding: grace is the sum of preStop, drain and margin;
``VLLM_ENGINE_READY_TIMEOUT_S`` is never below the startup budget, which is thrice the prediction where left
out; a node's disk holds the image and the caches of all its replicas, and weights are streamed past it.
"""

from collections.abc import Iterator
from math import ceil

from elastic_vllm.clouds.refusals import SPOT
from elastic_vllm.estimate.memory import Fit, batch_of
from elastic_vllm.estimate.placement import Placed
from elastic_vllm.estimate.step_time import StepTime
from elastic_vllm.rules.view import View
from elastic_vllm.spec import LocalCluster
from elastic_vllm.spec.finding import Finding, kind
from elastic_vllm.vllm import startup

DRAIN_MARGIN = kind("drain-margin")
DRAIN_SHORT = kind("drain-shorter-than-answer")
STARTUP_BUDGET = kind("startup-budget")
SOLE_REPLICA = kind("sole-replica")
SPOT_ALONE = kind("spot-alone")
IMAGE_BY_TAG = kind("image-by-tag")
UNPINNED_REVISION = kind("unpinned-revision")
LEAST_MARGIN_SECONDS = 10
LONGEST_DRAIN_SECONDS = 3600
"""The bound of ``finishSeconds``; a test holds it against the section's own."""


def drains_leave_a_margin(view: View) -> Iterator[Finding]:
    """The last part of the grace."""
    for index, model in enumerate(view.config.models):
        drain = model.drain
        if drain.margin_seconds < LEAST_MARGIN_SECONDS:
            yield DRAIN_MARGIN.at(
                f"models[{index}].drain.marginSeconds",
                f"{drain.margin_seconds} s between the end of the drain ({drain.finish_seconds} s) and the "
                f"kill at {drain.grace_seconds} s; give vLLM {LEAST_MARGIN_SECONDS} s or more to end",
                model.name,
            )


def drains_cover_the_longest_answer(view: View) -> Iterator[Finding]:
    """One that has just begun when its replica is deleted."""
    for at, fit in view.fits:
        model, each = at.model, _token_seconds(at, fit)
        longest = min(model.sampling.max_tokens, model.engine.max_model_len)
        needed, finish = ceil(longest * each), model.drain.finish_seconds
        if fit.fits and finish < needed:
            remedy = f"make it {needed}, or lower sampling.maxTokens to {int(finish / each)}"
            if needed > (longest_drain := _longest_drain(view, at)):
                most = max(1, int(longest_drain / each))
                remedy = f"{longest_drain} s is the maximum, so lower sampling.maxTokens to {most}"
            yield DRAIN_SHORT.at(
                f"{at.key}.drain.finishSeconds",
                f"{finish} s, but an answer of {longest} tokens takes about {needed} s at a full batch "
                f"({each * 1000:.0f} ms a token); {remedy}",
                model.name,
            )


def _longest_drain(view: View, at: Placed) -> int:
    """Of ``finishSeconds``: its own bound, and on Spot what the notice leaves beside the rest."""
    notice = view.config.cluster.spot_notice_seconds
    if notice is None or at.pool.capacity not in SPOT:
        return LONGEST_DRAIN_SECONDS
    return notice - at.model.drain.propagation_seconds - at.model.drain.margin_seconds


def _token_seconds(at: Placed, fit: Fit) -> float:
    """A token of every answer, with all seats taken and as much cached as there can be."""
    engine, gpu = at.model.engine, at.accelerator
    running = batch_of(engine, gpu).sequences
    cached = min(running * engine.max_model_len, fit.tokens)
    return StepTime.of(at.model, gpu.name).step(running, cached, 0, 0)


def budgets_cover_the_load(view: View) -> Iterator[Finding]:
    """A budget of one's own, against the prediction."""
    for at in view.placed:
        where = at.accelerator.name, at.machine.network_mbps
        budget = startup.budget_seconds(at.model, *where)
        predicted = startup.predicted_seconds(at.model, *where)
        if budget < predicted:
            yield STARTUP_BUDGET.at(
                f"{at.key}.startupBudgetSeconds",
                f"{budget} s, but {at.model.checkpoint} is predicted to take {predicted:.0f} s on "
                f"{at.model.gpus_per_replica} x {at.accelerator.name}; leave it out, or give it "
                f"{startup.SAFETY_FACTOR * predicted:.0f}",
                at.model.name,
            )


def waited_for_replicas_can_fall_back(view: View) -> Iterator[Finding]:
    """Pools that have no other machines than Spot ones."""
    if isinstance(view.config.cluster, LocalCluster):
        return
    for key, pool, machine in view.pools:
        waited = [at.model for at in view.on(pool) if at.model.replicas.min > 0]
        if pool.capacity == "spot" and waited:
            other = "spot-then-on-demand" if machine.on_demand else "reserved"
            yield SPOT_ALONE.at(
                f"{key}.capacity",
                f"spot, and {waited[0].name} always wants {waited[0].replicas.min}: without a Spot "
                f"{machine.name} the update ends in an error; use capacity: {other}, or replicas.min: 0",
                pool.name,
            )


def production_has_a_second_replica(view: View) -> Iterator[Finding]:
    """What an eviction leaves."""
    for at in view.placed:
        if view.production and at.model.replicas.min <= 1:
            yield SOLE_REPLICA.at(
                f"{at.key}.replicas.min",
                f"{at.model.replicas.min}: a node upgrade or a lost node leaves no replica for about "
                f"{view.next_seconds(at) / 60:.0f} minutes; set 2",
                at.model.name,
            )


def production_images_have_a_digest(view: View) -> Iterator[Finding]:
    """Tags move."""
    for index, model in enumerate(view.config.models):
        if view.production and "@sha256:" not in model.engine.image:
            yield IMAGE_BY_TAG.at(
                f"models[{index}].engine.image",
                f"{model.engine.image} is a tag; add the digest your registry shows for it (@sha256:…)",
                model.name,
            )


def production_names_its_weights(view: View) -> Iterator[Finding]:
    """Where weights are fetched at all: simulated replicas read none."""
    if not view.production or isinstance(view.config.cluster, LocalCluster):
        return
    for index, model in enumerate(view.config.models):
        if model.revision is None:
            yield UNPINNED_REVISION.at(
                f"models[{index}].revision",
                f"is missing; name the commit of {model.checkpoint} that was tried: `git ls-remote "
                f"https://huggingface.co/{model.checkpoint} main` tells today's",
                model.name,
            )
