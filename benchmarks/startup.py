"""What the program costs to start: a whole offline run of a stack against its bare imports.

Promise: at most 1.5 times a script that imports pulumi, pydantic and exactly the SDK submodules that the
program holds afterwards. Median of nine interleaved runs of each, in processes of their own.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 9
PROMISED_RATIO = 1.5

_PROGRAM = """
from pathlib import Path
from elastic_vllm.testing import monitor
from fleet.deploy.program import stack_ref
root = Path.cwd()
stack = stack_ref({stack!r}, root=root, kubeconfig=root, home=root)
graph = monitor.run(stack.program, preview=True, config=stack.config, secret_keys=stack.secret_keys)
"""
_LIST_MODULES = """
import sys
print(len(list(graph)), "resources")
print(*sorted(name for name in sys.modules if name.startswith(("pulumi.", "pulumi_"))), sep="\\n")
"""


def _run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return done.stdout


def _seconds(script: str) -> float:
    started = time.perf_counter()
    _run(script)
    return time.perf_counter() - started


def main(stack: str) -> int:
    """Measure and print; 1 if the promise is broken."""
    program = _PROGRAM.format(stack=stack)
    resources, *modules = _run(program + _LIST_MODULES).splitlines()
    imports = "import pulumi, pydantic\n" + "\n".join(f"import {name}" for name in modules)
    _seconds(imports)  # warms the file cache for both
    pairs = [(_seconds(program), _seconds(imports)) for _ in range(RUNS)]
    whole, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"stack {stack}: {resources}, {len(modules)} SDK submodules")
    print(f"program  {whole:.3f} s   median of {RUNS}")
    print(f"imports  {bare:.3f} s   median of {RUNS}, interleaved")
    print(f"ratio    {ratio:.2f}      promised: at most {PROMISED_RATIO}")
    return int(ratio > PROMISED_RATIO)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "local"))
