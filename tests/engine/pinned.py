"""The pinned vLLM's Python sources, unpacked from its wheel: enough to parse arguments and configure.

They run under the CPU engine's Python, which has all that they import; their GPU kernels stay in the wheel.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fleet.embedded.binaries import cache_dir
from tests.engine.environment import ROOT, CannotRunError, say

ORACLE = Path(__file__).with_name("oracle.py")


def version() -> str:
    """The version in ``requirements-engine.txt``."""
    (found,) = re.findall(r"^vllm==(\S+)$", (ROOT / "requirements-engine.txt").read_text(), re.MULTILINE)
    return str(found)


def sources(wanted: str) -> Path:
    """The folder of one version's sources; downloaded first (340 MB) where it is missing."""
    made = cache_dir() / f"vllm-{wanted}-sources"
    if not made.is_dir():
        say(f"downloading vLLM {wanted} for its argument parser (once; 340 MB)")
        cache_dir().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_dir()) as scratch:
            unpacked = Path(scratch) / "sources"
            _unpack(_download(wanted, Path(scratch)), unpacked, wanted)
            unpacked.replace(made)
    return made


def _download(wanted: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), f"vllm=={wanted}"]
    if subprocess.run(command, stdout=sys.__stderr__, stderr=sys.__stderr__, check=False).returncode:
        raise CannotRunError(f"pip cannot download vllm=={wanted}; see above")
    (wheel,) = folder.glob("vllm-*.whl")
    return wheel


def _unpack(wheel: Path, folder: Path, wanted: str) -> None:
    """Its modules, and a version that ends in ``+cpu``: so it takes this machine for what it is."""
    with zipfile.ZipFile(wheel) as archive:
        modules = [name for name in archive.namelist() if name.startswith("vllm/") and name.endswith(".py")]
        archive.extractall(folder, modules)
    info = folder / f"vllm-{wanted}+cpu.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {wanted}+cpu\n")


def table(python: Path, wanted: str | None = None) -> dict[str, Any]:  # Any: JSON, typed by engine_options
    """The option table of a version; without one, of the CPU build itself."""
    found: dict[str, Any] = json.loads(_ask(python, ["table"], wanted))
    return found


def verdicts(python: Path, wanted: str, hub: Path, lines: Iterable[Sequence[str]]) -> list[dict[str, Any]]:
    """What becomes of each list of words, all in one process; ``hub`` is a hub cache with the models."""
    asked = "".join(json.dumps(list(line)) + "\n" for line in lines)
    answered = _ask(python, ["verdicts"], wanted, asked, {"HF_HUB_CACHE": str(hub)})
    return [json.loads(line) for line in answered.splitlines()]


def _ask(
    python: Path,
    arguments: Sequence[str],
    wanted: str | None,
    asked: str = "",
    environment: dict[str, str] | None = None,
) -> str:
    variables = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", **(environment or {})}
    variables["PYTHONPATH"] = str(sources(wanted)) if wanted else ""
    ended = subprocess.run(
        [python, ORACLE, *arguments], input=asked, env=variables, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise AssertionError(f"vLLM's own parser failed:\n{ended.stderr[-3000:]}")
    return ended.stdout
