"""What ``fleet plan`` costs: against the bare imports of what it holds, and as a stack grows.

Promises: for ``aws-prod`` at most 1.5 times a script that imports exactly the SDK submodules that the command
holds afterwards, and a second; with 100 models in one stack at most three times what one takes. Medians of
interleaved runs, in processes of their own.
"""

import copy
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
RUNS = 9
PROMISED_RATIO, PROMISED_SECONDS = 1.5, 1.0
MODELS, PROMISED_GROWTH = 100, 3.0

_PLAN = """
import sys
from fleet.cli.main import app
sys.argv = ["fleet", "plan", "--stack", {stack!r}]
try:
    app()
except SystemExit as end:
    if end.code:
        raise
"""
_LIST_MODULES = """
import sys
print("modules")
print(*sorted(name for name in sys.modules if name.startswith(("pulumi.", "pulumi_"))), sep="\\n")
"""


def _run(script: str, root: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _interleaved(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """The median seconds of each; one run of each goes before, for the file cache."""
    one(), other()
    pairs = [(_seconds(one), _seconds(other)) for _ in range(RUNS)]
    first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
    return first, second


def startup(stack: str) -> bool:
    """The whole command against its imports."""
    script = _PLAN.format(stack=stack)
    modules = _run(script + _LIST_MODULES, ROOT).partition("modules\n")[2].splitlines()
    bare = "import pulumi, pydantic\n" + "\n".join(f"import {name}" for name in modules)
    whole, imports = _interleaved(lambda: _run(script, ROOT), lambda: _run(bare, ROOT))
    bound = PROMISED_RATIO * imports + PROMISED_SECONDS
    print(f"fleet plan --stack {stack}: {len(modules)} SDK submodules")
    print(f"  plan     {whole:.3f} s   median of {RUNS}")
    print(f"  imports  {imports:.3f} s   median of {RUNS}, interleaved")
    print(f"  promised at most {bound:.3f} s: {PROMISED_RATIO} x imports + {PROMISED_SECONDS:g} s")
    return whole <= bound


def growth() -> bool:
    """A hundred models against one."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("Pulumi.yaml", "__main__.py", "components", "fleet"):
            (root / name).symlink_to(ROOT / name)
        (root / "stacks").mkdir()
        for path in (ROOT / "stacks").iterdir():
            (root / "stacks" / path.name).symlink_to(path)
        _write(root, "one", 1)
        _write(root, "many", MODELS)
        many, one = (_PLAN_AT.format(root=str(root), stack=stack) for stack in ("many", "one"))
        slow, quick = _interleaved(lambda: _run(many, ROOT), lambda: _run(one, ROOT))
    print(f"{MODELS} models in one stack")
    print(f"  {MODELS} models {slow:.3f} s   median of {RUNS}")
    print(f"  one model  {quick:.3f} s   median of {RUNS}, interleaved")
    print(f"  ratio      {slow / quick:.2f}      promised: at most {PROMISED_GROWTH:g}")
    return slow <= PROMISED_GROWTH * quick


_PLAN_AT = """
from pathlib import Path
from fleet.cli import plan
plan.ROOT = Path({root!r})
plan.plan(stack={stack!r})
"""


def _write(root: Path, stack: str, models: int) -> None:
    """The local stack with so many models: of eight kinds, since a forecast is made once for each kind."""
    content = yaml.safe_load((ROOT / "stacks" / "Pulumi.local.yaml").read_text())
    sections = content["config"]
    (model,) = sections["elastic-vllm:models"]
    sections["elastic-vllm:pools"][0]["maxNodes"] = 1000
    sections["elastic-vllm:models"] = [_model(model, index) for index in range(models)]
    (root / "stacks" / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(content))


def _model(model: dict[str, object], index: int) -> dict[str, object]:
    own = copy.deepcopy(model)
    own["name"] = f"model-{index}"
    own["replicas"] = {"min": 1, "max": 3 + index % 8}
    return own


if __name__ == "__main__":
    sys.exit(int(not all([startup("aws-prod"), growth()])))
