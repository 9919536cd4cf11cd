"""Each check on the real engine, seen to fail: on two engines of which what it checks was broken.

``LOOSE`` differs in its arguments, ``BARE`` has no gate and no key. What is read back, a path or a metric's
name, is broken where it is read.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from elastic_vllm.testing.registration import Graph
from tests.engine import test_drain, test_leaving, test_metrics, test_routes, test_serving
from tests.engine.draining import Drained, drain
from tests.engine.process import Engine, start
from tests.engine.rendered import Rendered, broken, rendered

pytestmark = [pytest.mark.engine, pytest.mark.slow]

Check = Callable[[Engine], None]
OTHER = {"max_new_tokens": 1500, "temperature": 0.7, "top_p": 1, "top_k": -1}
LOOSE: Mapping[str, tuple[str, ...] | None] = {
    "--limit-mm-per-prompt": ('{"image":4,"video":0}',),
    "--max-model-len": ("8192",),
    "--max-num-queued-reqs": None,
    "--override-generation-config": (json.dumps(OTHER),),
    "--served-model-name": ("other", "chat", "Qwen/Qwen3-0.6B"),
    "--shutdown-timeout": None,
    "--stream-interval": ("10",),
}
BARE: Mapping[str, tuple[str, ...] | None] = {
    "--limit-mm-per-prompt": ('{"image":0,"video":0}',),
    "--middleware": None,
}
"""Options with what stands in their place; ``None`` takes them away."""


def misread(module: ModuleType, name: str, value: object, check: Check) -> Check:
    """The check, while a name of its module says something else."""

    def run(engine: Engine) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, name, value)
            check(engine)

    return run


def misprobed(engine: Engine) -> None:
    """The probes' check, of a container whose probes ask for another path."""
    probes = {kind: ("/healthz", port) for kind, (_, port) in engine.rendered.probes.items()}
    wrong = replace(engine, rendered=replace(engine.rendered, probes=probes))
    test_serving.test_while_it_loads_probes_are_refused_and_once_it_is_up_all_three_succeed(wrong)


def logged(engine: Engine) -> None:
    """The log's check, with the key in the log."""
    with (engine.root / "log").open("a") as log:
        log.write(engine.rendered.env["VLLM_API_KEY"])
    test_routes.test_the_key_is_in_no_line_that_vllm_prints(engine)


ON_LOOSE: Mapping[str, Check] = {
    "starts": test_serving.test_the_container_starts_and_serves_the_model_under_the_stack_files_name,
    "probes": misprobed,
    "text": misread(test_serving, "CHAT", "/v1/chat/completion", test_serving.test_it_answers_text),
    "an image too many": test_serving.test_one_image_more_than_allowed_is_the_clients_error,
    "streaming": test_serving.test_a_stream_comes_in_pieces_and_says_how_it_ended,
    "temperature": test_serving.test_the_stack_files_temperature_is_in_force_where_a_request_does_not_say,
    "max tokens": test_serving.test_the_stack_files_max_tokens_is_the_default_and_the_ceiling,
    "context": test_serving.test_what_the_context_cannot_hold_is_the_clients_error,
    "another name": test_serving.test_another_models_name_is_not_found,
    "metric's name": misread(
        test_metrics,
        "RELIED_ON",
        test_metrics.RELIED_ON | {"vllm:num_requests_queued"},
        test_metrics.test_every_metric_that_we_name_is_exported_under_the_models_name,
    ),
    "metric's label": test_metrics.test_the_model_name_label_is_the_name_that_clients_ask_for,
    "histogram's edges": misread(
        test_metrics,
        "TTFT_EDGES_SECONDS",
        (0.33,),
        test_metrics.test_every_promise_that_a_stack_may_make_is_an_edge_of_the_histogram,
    ),
    "metric's reason": misread(
        test_metrics,
        "REASONS",
        {"vllm:request_success_total": "reason"},
        test_metrics.test_reasons_of_refusal_and_of_success_are_labels,
    ),
    "key in the log": logged,
    "queue": test_serving.test_requests_beyond_batch_and_queue_are_refused_with_503_and_counted,
}
ON_BARE: Mapping[str, Check] = {
    "an image": partial(test_serving.test_it_sees_as_many_images_as_the_stack_file_allows, count=1),
    "images": partial(test_serving.test_it_sees_as_many_images_as_the_stack_file_allows, count=3),
    "undeclared": test_routes.test_every_route_of_vllm_that_is_not_declared_does_not_exist_even_with_the_key,
    "key": test_routes.test_declared_routes_that_answer_anything_want_the_key,
    "without key": test_routes.test_only_health_and_metrics_answer_without_a_key,
    "spelling": partial(test_routes.test_no_other_spelling_opens_a_closed_route, path="/%69nvocations"),
    "methods": test_routes.test_a_declared_route_takes_only_its_own_methods,
    "another life": test_leaving.test_a_new_container_forgets_that_the_one_before_was_told_to_go,
    "twenty answers": test_leaving.test_every_twentieth_answer_closes_its_connection,
    "told to go": test_leaving.test_told_to_go_it_closes_connections_then_refuses_and_ends_what_it_has,
    "refusal": test_routes.test_what_is_refused_at_the_gate_reads_as_the_api_writes_its_errors,
}
DRAIN_OF_LOOSE: tuple[Callable[[Drained], None], ...] = (
    test_drain.test_what_fits_the_shutdown_timeout_is_answered_whole,
    test_drain.test_a_draining_replica_still_looks_ready_and_refuses_work_so_prestop_has_to_come_first,
)
DRAIN_OF_BARE: tuple[Callable[[Drained], None], ...] = (
    test_drain.test_what_does_not_fit_is_closed_with_an_error_and_never_left_hanging,
    test_drain.test_the_process_ends_by_itself_before_grace_does,
)
MEASURES = {"test_its_throughput_and_time_to_first_token_are_printed"}
"""They print what they saw: there is no wrong answer."""


def fails(check: Callable[[], None]) -> bool:
    """Whether a check says that something is wrong: not what it expects, or nothing where it looks."""
    try:
        check()
    except (AssertionError, KeyError, TypeError, ValueError):
        return True
    return False


@pytest.fixture
def engines(
    python: Path, tiny_model: Path, stack: Graph, tmp_path: Path
) -> Iterator[Callable[[Rendered], Engine]]:
    """Starts engines that read as if nothing had been changed."""
    running: list[Engine] = []

    def begin(changed: Rendered) -> Engine:
        engine = start(changed, python, tiny_model, tmp_path / "root")
        running.append(engine)
        engine.wait_until_started()
        engine.rendered = rendered(stack)
        return engine

    yield begin
    for engine in running:
        engine.end()


def test_checks_fail_where_arguments_are_others(engines: Callable[[Rendered], Engine], stack: Graph) -> None:
    engine = engines(broken(rendered(stack), LOOSE))
    assert [name for name, check in ON_LOOSE.items() if not fails(partial(check, engine))] == []
    drained = drain(engine)
    assert [check.__name__ for check in DRAIN_OF_LOOSE if not fails(partial(check, drained))] == []


def test_checks_fail_where_there_is_no_gate_and_no_key(
    engines: Callable[[Rendered], Engine], stack: Graph
) -> None:
    bare = broken(rendered(stack), BARE)
    keyless = {name: value for name, value in bare.env.items() if name != "VLLM_API_KEY"}
    engine = engines(replace(bare, env=keyless))
    assert [name for name, check in ON_BARE.items() if not fails(partial(check, engine))] == []
    drained = drain(engine)
    assert [check.__name__ for check in DRAIN_OF_BARE if not fails(partial(check, drained))] == []


def test_no_check_was_left_out() -> None:
    source = Path(__file__).read_text()
    checks = {
        name
        for module in (test_drain, test_leaving, test_metrics, test_routes, test_serving)
        for name in vars(module)
        if name.startswith("test_")
    }
    assert {name for name in checks - MEASURES if f".{name}" not in source} == set()
