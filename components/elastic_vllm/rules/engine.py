"""Does vLLM take the command line that each model becomes? One that it refuses is never Ready."""

from collections.abc import Iterator

from elastic_vllm import catalog
from elastic_vllm.catalog import engine_rules
from elastic_vllm.catalog.engine_options import OptionError
from elastic_vllm.rules.view import View
from elastic_vllm.spec.finding import Finding, Kind
from elastic_vllm.vllm.arguments import arguments

ARGUMENTS = Kind(
    id="engine-arguments",
    family="fit",
    severity="error",
    title="Arguments that vLLM does not take together",
    why="vLLM would end before the replica is Ready, or serve something else. The message names "
    "the option and what to do; docs/engine.md says how arguments are checked.",
)


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
