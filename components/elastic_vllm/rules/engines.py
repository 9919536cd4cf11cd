"""vLLM's engines: the arguments they start with, and what several in one replica need and measure."""

from collections.abc import Iterator

from elastic_vllm import catalog
from elastic_vllm.catalog import engine_rules
from elastic_vllm.catalog.engine_options import OptionError
from elastic_vllm.rules.view import View
from elastic_vllm.spec import ModelSpec
from elastic_vllm.spec.finding import Finding, kind
from elastic_vllm.spec.scaling import ExternalMetric, ObjectMetric, PodsMetric
from elastic_vllm.vllm.arguments import arguments

ARGUMENTS = kind("engine-arguments")
CORES = kind("engines-share-cores")
MEMORY = kind("engines-share-memory")
METRIC = kind("metric-of-one-engine")
PROCESS_GIB = 2
"""Of the API server, of an engine, of a GPU's worker. Assumed: a whole replica on a CPU takes 5.6 GiB."""
IMAGE_CACHE_GIB = 4
"""vLLM's default (``--mm-processor-cache-gb``); with several engines the API server alone has one."""


def arguments_are_what_vllm_takes(view: View) -> Iterator[Finding]:
    """The stack file's own words beside those that its keys become."""
    for index, model in enumerate(view.config.models):
        words = arguments(model)[1:]
        try:
            engine_rules.check(words, catalog.models()[model.checkpoint])
        except OptionError as problem:
            own = problem.index - (len(words) - len(model.engine.extra_args))
            key = f"engine.extraArgs[{own}]" if own >= 0 else "engine"
            yield ARGUMENTS.at(f"models[{index}].{key}", str(problem), model.name)


def engines_have_what_their_processes_take(view: View) -> Iterator[Finding]:
    """Judged for several engines, or one that may sleep: for any other the defaults were made."""
    figures = catalog.cpu()
    for index, model in enumerate(view.config.models):
        engines, gpus, asked = model.engines_per_replica, model.gpus_per_replica, model.resources
        if engines == 1 and not model.engine.sleep_mode:
            continue
        busy, needed = figures.busy(model.workers, engines), memory_gib(model)
        processes = "an engine" if engines == 1 else f"{engines} engines"
        processes += f" on {gpus} GPUs" if gpus > 1 else " on a GPU"
        if asked.cpu < busy and engines > 1:
            yield CORES.at(
                f"models[{index}].resources.cpu",
                f"{asked.cpu:g} cores, but {processes} keep about {busy:.1f} busy; request that much",
                model.name,
            )
        if asked.memory_gib < needed:
            yield MEMORY.at(
                f"models[{index}].resources.memoryGib",
                f"{asked.memory_gib:g} GiB, but {processes} may take about {needed:.0f}; raise it",
                model.name,
            )


def memory_gib(model: ModelSpec) -> float:
    """What a replica's processes may take of its node's memory."""
    processes = 1 + model.engines_per_replica + model.gpus_per_replica
    offloaded = model.engine.kv_offloading_gib or 0
    asleep = model.sleeping_gib if model.engine.sleep_mode else 0
    return processes * PROCESS_GIB + IMAGE_CACHE_GIB + model.resources.shm_gib + offloaded + asleep


def metrics_are_of_whole_replicas(view: View) -> Iterator[Finding]:
    """Whatever the label's value is."""
    for at in view.autoscaled():
        if at.model.engines_per_replica == 1:
            continue
        for index, metric in enumerate(at.model.scaling.metrics):
            if (
                isinstance(metric, PodsMetric | ObjectMetric | ExternalMetric)
                and "engine" in metric.match_labels
            ):
                yield METRIC.at(
                    f"{at.key}.scaling.metrics[{index}].matchLabels.engine",
                    f"{metric.match_labels['engine']} is one of {at.model.engines_per_replica} engines of "
                    "each replica; leave it out, and sum over the engines of a pod",
                    at.model.name,
                )
