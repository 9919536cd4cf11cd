"""Reads a stack file by itself, without Pulumi: the sections of its ``config`` block.

Stricter than YAML where YAML is silent: a key written twice and a key that is not text are refused. Secrets
are passed over: what is encrypted stays where it is.
"""

import difflib
from collections.abc import Hashable, Mapping
from pathlib import Path

import yaml

from elastic_vllm.rules.security import SECRET_IN_PLAIN
from elastic_vllm.section import near
from elastic_vllm.spec.finding import STACK_FILE, Finding, StackConfigError
from elastic_vllm.spec.keys import keys_of
from elastic_vllm.spec.stack import PROJECT, SECRET_SECTIONS, SECRETS, StackConfig


class _StrictLoader(yaml.SafeLoader):
    """Plain YAML, in which every key of a mapping is text and stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            if key_node.tag != "tag:yaml.org,2002:str":
                shown = getattr(key_node, "value", "")
                raise yaml.MarkedYAMLError(
                    problem=f"the key {shown!r} is not text; put it in quotes if it is meant",
                    problem_mark=key_node.start_mark,
                )
            if key_node.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key_node.value} stands twice in one section; keep one of them",
                    problem_mark=key_node.start_mark,
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def read_stack_file(path: Path) -> dict[str, object]:
    """The sections declared in ``Pulumi.<stack>.yaml``, by name, ready for ``parse``."""
    content = document(path)
    config = content.get("config") if isinstance(content, Mapping) else None
    if not isinstance(config, Mapping):
        raise _refused(
            "config",
            f"{path.name} has no config block; its sections stand under config: as {PROJECT}:cluster",
        )
    found: dict[str, object] = {}
    problems = []
    for key, value in config.items():
        prefix, colon, name = str(key).partition(":")
        if colon and prefix != PROJECT:
            if difflib.get_close_matches(prefix, [PROJECT], n=1, cutoff=0.8):
                problems.append(
                    STACK_FILE.at(str(key), f"unknown prefix {prefix}; did you mean {PROJECT}:{name}?")
                )
            continue
        if colon and name in SECRET_SECTIONS:
            problems += _plain_secrets(name, value)
            continue
        if not colon or name not in keys_of(StackConfig):
            problems.append(_unknown_section(str(key)))
        found[name] = value
    if problems:
        raise StackConfigError(problems)
    return found


def _plain_secrets(section: str, value: object) -> list[Finding]:
    """What is there in plain text: of keys by model, each. The secrets are never repeated."""
    if section == SECRETS and isinstance(value, Mapping) and "secure" not in value:
        found = [
            str(name) for name, key in value.items() if not (isinstance(key, Mapping) and "secure" in key)
        ]
    else:
        found = [] if isinstance(value, Mapping) and "secure" in value else [""]
    return [
        SECRET_IN_PLAIN.at(
            f"{section}.{name}".rstrip("."),
            "stands in plain text; revoke it, and set a new one with `pulumi config set --secret --path "
            f"'{PROJECT}:{section}{'.' + name if name else ''}'`",
            name,
        )
        for name in found
    ]


def _unknown_section(key: str) -> Finding:
    name = key.rpartition(":")[2]
    hint = near(f"{PROJECT}:{name}", [f"{PROJECT}:{section}" for section in keys_of(StackConfig)])
    sections = ", ".join(f"{PROJECT}:{section}" for section in (*keys_of(StackConfig), *SECRET_SECTIONS))
    return STACK_FILE.at(name if ":" in key else key, f"unknown section {key}; {hint}There are: {sections}")


def document(path: Path) -> object:
    """A stack file as plain data; what is wrong with it as YAML is a finding."""
    try:
        text = path.read_text(encoding="utf-8")
        return yaml.load(text, _StrictLoader)  # noqa: S506  # a SafeLoader
    except FileNotFoundError:
        names = sorted(
            p.name.split(".", 1)[1].removesuffix(".yaml") for p in path.parent.glob("Pulumi.*.yaml")
        )
        there = ", ".join(names) or "none"
        raise _refused("config", f"there is no stack file {path.name}; the stacks are: {there}") from None
    except OSError as problem:
        raise _refused("config", f"{path.name} cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise _refused("config", f"{path.name} is not UTF-8 text") from None
    except yaml.YAMLError as problem:
        raise _refused("config", f"{path.name} is not valid YAML: {_said(problem)}") from None
    except RecursionError:
        raise _refused("config", f"{path.name} is nested too deeply; a stack file is a plain tree") from None
    except ValueError as problem:
        raise _refused("config", f"{path.name} has a value that cannot be read: {problem}") from None


def _said(problem: yaml.YAMLError) -> str:
    if not isinstance(problem, yaml.MarkedYAMLError) or problem.problem_mark is None:
        return str(problem).split("\n")[0]
    mark, said = problem.problem_mark, problem.problem or "cannot be read"
    if "'\\t'" in said:
        said = "a tab cannot indent; use spaces"
    return f"line {mark.line + 1}, column {mark.column + 1}: {said}"


def _refused(key: str, message: str) -> StackConfigError:
    return StackConfigError([STACK_FILE.at(key, message)])
