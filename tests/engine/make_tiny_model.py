"""Writes a Qwen3-VL without weights: real tokens and ids, few parameters. Run by the engine's Python.

    make_tiny_model.py FOLDER

The files that are data lie beside this one, in ``tiny_model/``. The tokenizer is made here from the ranks
that the ``dashscope`` package carries. Head size 32 is the least that vLLM's CPU attention takes; a smaller
one starts, answers ``/health``, and dies of its first request.
"""

import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from tokenizers import AddedToken, Tokenizer
from transformers.convert_slow_tokenizer import TikTokenConverter

HERE = Path(__file__).parent
FIRST_ADDED = 151_643
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How Qwen cuts text into words: as its configuration says, digits one by one."""


def tokenizer() -> Tokenizer:
    """Qwen's tokenizer; fails where a token is not at the id that the checkpoints use."""
    package = find_spec("dashscope")
    if package is None or package.origin is None:
        raise SystemExit("dashscope, which carries Qwen's ranks, is not installed in this Python")
    ranks = Path(package.origin).with_name("resources") / "qwen.tiktoken"
    made = TikTokenConverter(vocab_file=str(ranks), pattern=PATTERN).converted()
    words = json.loads((HERE / "added_tokens.json").read_text())
    made.add_special_tokens([AddedToken(word, normalized=False, special=True) for word in words])
    for offset, word in enumerate(words):
        if made.token_to_id(word) != FIRST_ADDED + offset:
            raise SystemExit(f"{word} has id {made.token_to_id(word)}, not {FIRST_ADDED + offset}")
    return made


def main(folder: Path) -> None:
    """Write the model's files."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted((HERE / "tiny_model").iterdir()):
        shutil.copyfile(file, folder / file.name)
    tokenizer().save(str(folder / "tokenizer.json"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
