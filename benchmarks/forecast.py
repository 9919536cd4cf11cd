"""How long a one-day trace takes: every committed stack's models, each simulated several times.

``python -m benchmarks.forecast [times]``. Ends with 1 when a median is over the bound.
"""

import statistics
import sys
import time
from pathlib import Path

from elastic_vllm.simulate.forecast import Conditions, simulate, traces
from elastic_vllm.simulate.forecast.mean_replica import MeanReplica
from elastic_vllm.spec import ModelSpec
from elastic_vllm.stack_file import config as stack_config
from elastic_vllm.stack_file.config import StackConfig

BOUND_SECONDS = 2.0
STACKS = Path(__file__).resolve().parents[1] / "stacks"


def day_seconds(config: StackConfig, model: ModelSpec) -> float:
    """One day, its load model included."""
    began = time.perf_counter()
    conditions = Conditions.of(config, model)
    simulate(conditions, traces.day(model.replicas), MeanReplica.of(conditions.load_model(traces.MIX)))
    return time.perf_counter() - began


def main(times: int) -> int:
    """Print a line for each model; 1 when one is too slow."""
    slow = False
    for path in sorted(STACKS.glob("Pulumi.*.yaml")):
        config = stack_config.parse(stack_config.read_stack_file(path))
        for model in config.models:
            taken = statistics.median(day_seconds(config, model) for _ in range(times))
            slow = slow or taken > BOUND_SECONDS
            name = path.stem.removeprefix("Pulumi.")
            print(f"{name} {model.name}: a day in {taken:.2f} s (bound {BOUND_SECONDS:g} s)")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
