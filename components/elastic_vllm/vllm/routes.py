"""The routes of vLLM that clients may call, and the ConfigMap with them and the gate. Pure."""

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
CLOSE_CONNECTION_EVERY = 20
"""One response in so many closes its connection: new replicas get load, and it costs nothing measurable."""
OPEN: Mapping[str, list[str]] = {"/health": ["GET"], "/metrics": ["GET"]}
"""Routes that need no key: they expose load, never a prompt."""
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
    """Seconds from the start of ``preStop`` until work is refused.

    The last third, 1 to 5 s, is for requests that are tokenized or whose images are decoded.
    """
    return propagation_seconds - max(1, min(5, propagation_seconds // 3))


def routes(model: ModelSpec) -> dict[str, list[str]]:
    """Every open path with its methods. ``OPTIONS`` is a browser's preflight."""
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
        "closeConnectionEvery": CLOSE_CONNECTION_EVERY,
        "routes": routes(model),
    }
    return {
        f"{MODULE}.py": Path(__file__).with_name("gate.py").read_text(),
        "routes.json": json.dumps(declared, indent=1, sort_keys=True),
    }


def config_name(model: ModelSpec) -> str:
    """The ConfigMap's name with a hash of its content: a change makes a new object and rolls the pods."""
    digest = hashlib.sha256(json.dumps(data(model), sort_keys=True).encode()).hexdigest()
    return f"{model.name}-gate-{digest[:8]}"
