"""The container as rendered, on a real vLLM: that it starts, and what it answers."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.engine import conftest
from tests.engine.client import CHAT, Stream, call, chat, gauge, image, until
from tests.engine.process import Engine

pytestmark = pytest.mark.engine


def test_the_container_starts_and_serves_the_model_under_the_stack_files_name(engine: Engine) -> None:
    (served,) = call(engine, "/v1/models").body["data"]
    assert served["id"] == "chat"
    assert served["max_model_len"] == 4096
    assert served["root"] == engine.rendered.args[0]


def test_while_it_loads_probes_are_refused_and_once_it_is_up_all_three_succeed(engine: Engine) -> None:
    assert engine.seen == ["refused", "200"]
    assert [engine.probe(kind) for kind in ("startup", "readiness", "liveness")] == ["200"] * 3


def test_it_answers_text(engine: Engine) -> None:
    answer = call(engine, CHAT, chat(max_tokens=8))
    assert (answer.status, answer.tokens, bool(answer.text)) == (200, 8, True)


@pytest.mark.parametrize("count", [1, 3])
def test_it_sees_as_many_images_as_the_stack_file_allows(engine: Engine, count: int) -> None:
    # 320 x 256 pixels are 80 patches of 32 x 32, one token each.
    images = [image(320, 256, shade) for shade in range(count)]
    answer = call(engine, CHAT, chat([*images, {"type": "text", "text": "What?"}], max_tokens=4))
    without = call(engine, CHAT, chat([{"type": "text", "text": "What?"}], max_tokens=4))
    assert answer.status == 200
    seen = answer.body["usage"]["prompt_tokens"] - without.body["usage"]["prompt_tokens"]
    assert seen == count * (80 + 2)


def test_one_image_more_than_allowed_is_the_clients_error(engine: Engine) -> None:
    answer = call(engine, CHAT, chat([image(64, 64, shade) for shade in range(4)]))
    assert answer.status == 400
    assert "image" in str(answer.body)


def test_a_stream_comes_in_pieces_and_says_how_it_ended(engine: Engine) -> None:
    stream = Stream(engine, chat(max_tokens=32))
    stream.join()
    assert (stream.status, stream.finish, stream.error) == (200, "length", None)
    assert stream.chunks > 8
    assert stream.usage["completion_tokens"] == 32


def test_the_stack_files_temperature_is_in_force_where_a_request_does_not_say(engine: Engine) -> None:
    # The checkpoint's own generation config says 0.7: drawn from 151,936 tokens, no two answers are alike.
    silent = call(engine, CHAT, chat(max_tokens=24)).text
    assert silent == call(engine, CHAT, chat(max_tokens=24, temperature=0)).text
    assert silent != call(engine, CHAT, chat(max_tokens=24, temperature=1.5, seed=1)).text


def test_the_stack_files_max_tokens_is_the_default_and_the_ceiling(engine: Engine) -> None:
    with ThreadPoolExecutor() as pool:
        silent = pool.submit(call, engine, CHAT, chat())
        greedy = pool.submit(call, engine, CHAT, chat(max_tokens=3500))
        assert (silent.result().tokens, greedy.result().tokens) == (3000, 3000)


def test_what_the_context_cannot_hold_is_the_clients_error(engine: Engine) -> None:
    assert call(engine, CHAT, chat("word " * 5000)).status == 400


def test_another_models_name_is_not_found(engine: Engine) -> None:
    assert call(engine, CHAT, chat() | {"model": "Qwen/Qwen3-0.6B"}).status == 404


def test_requests_beyond_batch_and_queue_are_refused_with_503_and_counted(engine: Engine) -> None:
    batch, room = (int(engine.rendered.option(f"--max-num-{name}")) for name in ("seqs", "queued-reqs"))
    assert room == batch + 4
    # The batch is full before the queue begins: of twelve at once, any eight would run.
    streams = [Stream(engine, chat(max_tokens=1500)) for _ in range(batch)]
    for stream in streams:
        stream.wait(lambda s: s.chunks > 2)
    streams += [Stream(engine, chat(max_tokens=8)) for _ in range(4)]
    until(engine, "vllm:num_requests_waiting", 4)
    assert gauge(engine, "vllm:num_requests_running") == batch
    refused = [call(engine, CHAT, chat(max_tokens=1)) for _ in range(3)]
    assert [answer.status for answer in refused] == [503] * 3
    for stream in streams:
        stream.join()
    assert [stream.finish for stream in streams] == ["length"] * room
    assert gauge(engine, "vllm:admission_rejections_total") == 3
    assert call(engine, CHAT, chat(max_tokens=1)).status == 200


def test_its_throughput_and_time_to_first_token_are_printed(engine: Engine) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        streams = list(pool.map(lambda _: _finished(engine), range(80)))
    seconds = time.monotonic() - began
    assert [stream.finish for stream in streams] == ["length"] * 80
    cuts = statistics.quantiles([stream.first_seconds for stream in streams], n=100)
    conftest.FIGURES.append(
        f"80 streams of 32 tokens, 8 at a time: {80 / seconds:.1f} requests/s, "
        f"time to first token P50 {cuts[49] * 1000:.0f} ms, P99 {cuts[98] * 1000:.0f} ms"
    )


def _finished(engine: Engine) -> Stream:
    stream = Stream(engine, chat(max_tokens=32))
    stream.join()
    return stream
