"""Checks ``vllm serve`` arguments against the option table of vLLM 0.33.0, without installing vLLM.

The table is the real parser written out (``vllm_serve_args.json``, by ``make engine-options``), with what
vLLM finds out only later: the values it knows where any string parses, bounds of numbers, keys of JSON.
The check is stricter than that parser in three places, each a silent change of meaning after an upgrade:
abbreviations, underscores for hyphens, a positional word. What options mean together: ``engine_rules``.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from elastic_vllm.catalog.option_values import Option, fault_of, is_float

VLLM_VERSION = "0.33.0"


class Notes(BaseModel):
    """What to say about options that are refused for a reason of ours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    as_of: object = Field(alias="asOf")
    owned: Mapping[str, str]
    retired: Mapping[str, str]


class OptionError(ValueError):
    """A refused argument; ``index`` is its position in what was checked."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


@dataclass(frozen=True)
class _Written:
    """One option as written: its name, the path after a dot, the value after ``=``."""

    index: int
    name: str
    path: str
    attached: str | None


@dataclass(frozen=True)
class Given:
    """One option that passed: its canonical name, the word it was written as, the values after it."""

    index: int
    name: str
    word: str
    path: str
    values: tuple[str, ...]


@cache
def options() -> Mapping[str, Option]:
    """Every option by its canonical long name."""
    text = Path(__file__).with_name("vllm_serve_args.json").read_bytes()
    return TypeAdapter(dict[str, Option]).validate_json(text)


@cache
def notes() -> Notes:
    """The options that a spec key owns, and the ones that vLLM no longer has."""
    return Notes.model_validate(yaml.safe_load(Path(__file__).with_name("engine_options.yaml").read_bytes()))


@cache
def _spellings() -> Mapping[str, str]:
    return {word: name for name, option in options().items() for word in (*option.all, *option.hidden)} | {
        "-O": "--optimization-level"
    }


def check(args: Sequence[str]) -> None:
    """Refuse the first argument that vLLM would not accept as meant, or that a key of the stack file owns."""
    if not args:  # the usual case: spare the program's start the reading of the table
        return
    refused = notes().owned
    for given in read(args):
        if given.name in refused:
            raise OptionError(
                given.index,
                f"{given.word} is not for extraArgs: it is decided by {refused[given.name]}",
            )


def read(args: Sequence[str]) -> Iterator[Given]:
    """Each option in turn with its values, or an ``OptionError`` at the first that vLLM would not accept."""
    index = 0
    while index < len(args):
        written = _split(index, args[index])
        name = _known(written)
        values = _checked_values(args, written, name)
        yield Given(index, name, written.name, written.path, tuple(values))
        index += 1 + (0 if written.attached is not None else len(values))


def _split(index: int, word: str) -> _Written:
    if not word.startswith("-") or word in ("-", "--"):
        raise OptionError(
            index, f"{_shown(word)} is not an option, and no option before it takes it as a value"
        )
    name, equals, value = word.partition("=")
    if word.startswith("-O") and len(name) > 2 and name[2].isdigit():
        name, equals, value = "-O", "=", name[2:]
    name, _, path = name.partition(".")
    return _Written(index, name, path, value if equals else None)


def _shown(word: str) -> str:
    """A stray word may be a mislaid secret: enough of it to find it, no more."""
    return repr(word if len(word) <= 12 else f"{word[:8]}…")


def _known(given: _Written) -> str:
    word = given.name
    if word in _spellings():
        return _spellings()[word]
    hyphens = word.replace("_", "-")
    retired = notes().retired.get(hyphens)
    if retired:
        raise OptionError(given.index, f"{word} is gone from vLLM {VLLM_VERSION}: {retired}")
    if hyphens in _spellings():
        raise OptionError(given.index, f"{word} is spelt with hyphens: write {hyphens}")
    whole = sorted(w for w in _spellings() if w.startswith(hyphens)) if len(word) > 3 else []
    if whole:
        raise OptionError(
            given.index, f"{word} abbreviates an option; write it in full: {' or '.join(whole[:4])}"
        )
    near = difflib.get_close_matches(hyphens, _spellings(), n=3, cutoff=0.75)
    hint = f"did you mean {' or '.join(near)}?" if near else "`vllm serve --help` lists them"
    raise OptionError(given.index, f"{word} is not an option of vLLM {VLLM_VERSION}; {hint}")


def _checked_values(args: Sequence[str], given: _Written, name: str) -> Sequence[str]:
    """This option's values."""
    option = options()[name]
    following = _values_after(args, given.index)
    if not option.takes_value:
        if given.attached is not None or given.path or following:
            raise OptionError(
                given.index, f"{given.name} is a switch and takes no value; {_switch_hint(option)}"
            )
        return ()
    if given.attached is not None:
        values = [given.attached]
    else:
        values = following if option.nargs == "+" else following[:1]
    if not values and option.nargs != "?":
        raise OptionError(given.index, f"{given.name} needs a value after it")
    first = given.index + (0 if given.attached is not None else 1)
    for index, value in enumerate(values, start=first):
        fault = fault_of(value, option, given.path)
        if fault:
            raise OptionError(index, f"{given.name}: {fault}")
    return values


def _switch_hint(option: Option) -> str:
    off = [word for word in (*option.all, *option.hidden) if word.startswith(("--no-", "--disable-"))]
    return f"leave the value out, or write {off[0]} to turn it off" if off else "leave the value out"


def _values_after(args: Sequence[str], index: int) -> list[str]:
    values = []
    for word in args[index + 1 :]:
        if word.startswith("-") and not is_float(word):  # a negative number is a value
            break
        values.append(word)
    return values
