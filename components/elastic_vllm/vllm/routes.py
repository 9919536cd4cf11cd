"""Which routes of vLLM exist for clients, and the ConfigMap that brings them and the gate to a pod. Pure."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from elastic_vllm.spec import ModelSpec

FOLDER = "/etc/elastic-vllm"
MODULE = "elastic_vllm_gate"
MIDDLEWARE = f"{MODULE}.Gate"
CLOSE_SECONDS = 2
"""After the drain: what is still open then has no engine left to answer it."""
RENEW_ANSWERS = 20
"""Each such answer closes its connection: often enough for new replicas, too seldom to cost anything."""
OPEN: Mapping[str, list[str]] = {"/health": ["GET"], "/metrics": ["GET"]}
"""Routes that ask for no key: they tell of load, never of what anybody asked."""
_LISTED = {"/v1/models": ["GET"]}
_SLEEP = {"/is_sleeping": ["GET"], "/sleep": ["POST"], "/wake_up": ["POST"]}
KEYED: Mapping[str, Mapping[str, list[str]]] = {
    "/is_sleeping": {},
    "/sleep": {"level": ["0", "1"], "mode": ["abort", "keep", "wait"]},
    "/wake_up": {},
}
"""Routes that vLLM does not guard and the gate does, with the queries that they take.

Not level 2: it throws the weights away, and what brings them back is closed; woken up, the model would answer
nonsense.
"""


def refuse_seconds(propagation_seconds: int) -> int:
    """From ``preStop``'s begin until work is refused. The last third is for what is on its way to the engine.

    A prompt is tokenized meanwhile, and its images are decoded: five seconds are enough, one is the least.
    """
    return propagation_seconds - max(1, min(5, propagation_seconds // 3))


def routes(model: ModelSpec) -> dict[str, list[str]]:
    """Every path that exists, with its methods. ``OPTIONS`` is a browser's question before it asks."""
    declared = {path: ["OPTIONS", "POST"] for path in model.engine.routes}
    sleep = _SLEEP if model.engine.sleep_mode else {}
    return dict(sorted({**OPEN, **_LISTED, **declared, **sleep}.items()))


def data(model: ModelSpec) -> dict[str, str]:
    """The files of the ConfigMap."""
    keyed = KEYED if model.engine.sleep_mode else {}
    declared = {
        "closeSeconds": CLOSE_SECONDS,
        "keyed": keyed,
        "refuseSeconds": refuse_seconds(model.drain.propagation_seconds),
        "renewAnswers": RENEW_ANSWERS,
        "routes": routes(model),
    }
    return {
        f"{MODULE}.py": Path(__file__).with_name("gate.py").read_text(),
        "routes.json": json.dumps(declared, indent=1, sort_keys=True),
    }


def config_name(model: ModelSpec) -> str:
    """The ConfigMap's name, which holds its content: a change is a new object, and rolls the pods."""
    digest = hashlib.sha256(json.dumps(data(model), sort_keys=True).encode()).hexdigest()
    return f"{model.name}-gate-{digest[:8]}"
