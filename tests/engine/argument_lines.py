"""The command lines that were judged by hand: ``argument_lines.yaml``, with its short names written out."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from string import Template

import yaml

BASE = "Qwen/Qwen3-VL-8B-Instruct"
NAMES = {
    "B": BASE,
    "F": f"{BASE}-FP8",
    "M": "Qwen/Qwen3-VL-30B-A3B-Instruct",
    "L": "Qwen/Qwen3-VL-235B-A22B-Instruct-FP8",
    "S": "Qwen/Qwen3-VL-2B-Instruct",
}
Line = tuple[str, ...]


def by_hand() -> Iterator[tuple[str, Line]]:
    """Each line, under its heading in the file."""
    text = Path(__file__).with_name("argument_lines.yaml").read_text()
    for heading, lines in yaml.safe_load(text).items():
        for line in lines:
            yield heading, tuple(shlex.split(Template(line).substitute(NAMES)))
