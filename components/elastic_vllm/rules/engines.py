"""vLLM's engines: the arguments they start with, and what several in one replica need and measure."""

from collections.abc import Iterator

from elastic_vllm import catalog
from elastic_vllm.catalog import engine_rules
from elastic_vllm.catalog.engine_options import OptionError
from elastic_vllm.rules.view import View
from elastic_vllm.spec import ModelSpec
from elastic_vllm.spec.finding import Finding, Kind
from elastic_vllm.spec.scaling import ExternalMetric, ObjectMetric, PodsMetric
from elastic_vllm.vllm.arguments import arguments

ARGUMENTS = Kind(
    id="engine-arguments",
    family="fit",
    severity="error",
    title="Arguments that vLLM does not take together",
    why="vLLM would end before the replica is Ready, or serve something else. The message names "
    "the option and what to do; docs/engine.md says how arguments are checked.",
)
CORES = Kind(
    id="engines-share-cores",
    family="fit",
    severity="warning",
    title="Fewer cores than the engines keep busy",
    why="Each engine runs a loop that keeps a core busy, and each GPU a process of its own. A replica that "
    "asks for less is only sure of what it asks for: beside another busy pod its engines wait for a core "
    "while their GPUs idle.",
)
MEMORY = Kind(
    id="engines-share-memory",
    family="fit",
    severity="warning",
    title="Less memory than the engines' processes may take",
    why="Each engine is a process, and so is each GPU's worker; beyond its limit the pod is killed with all "
    "of them. The sum is an estimate: 2 GiB for each process, 4 for the cache of images, what is shared "
    "(`shmGib`, `kvOffloadingGib`), and the weights of a replica that may sleep.",
)
METRIC = Kind(
    id="metric-of-one-engine",
    family="scaling",
    severity="warning",
    title="A metric of one engine scales a replica of several",
    why="vLLM labels its series with the engine, from 0 on. A policy that picks one sees what that engine "
    "does; the API server spreads requests over all, but not evenly while they differ in length. Leave the "
    "label out, and let the adapter sum over it.",
)
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
