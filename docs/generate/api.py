"""Writes ``docs/api.md``, the components with their arguments and outputs, from their docstrings."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import elastic_vllm

PATH = Path("docs/api.md")
_HEAD = """<!-- Generated from the docstrings of elastic_vllm by `make docs`; do not edit. -->
# API reference

The names that `elastic_vllm` exports. A component takes `(name, args, opts)`; a value that decides which
resources there are is plain Python, and one that only fills a property is a `pulumi.Input`.
[components.md](components.md) shows them in a program.
"""


def text() -> str:
    """The page: components first, each with its arguments, then the rest."""
    names = [name for name in elastic_vllm.__all__ if not name.endswith(("Args", "__"))]
    return _HEAD + "".join(_entry(name) for name in names)


def _entry(name: str) -> str:
    found = getattr(elastic_vllm, name)
    if inspect.isfunction(found):
        signature = f"{name}{inspect.signature(found)}".replace("elastic_vllm.spec.cluster.", "")
        return f"\n## {name}\n\n```python\n{signature}\n```\n\n{inspect.getdoc(found)}\n"
    parts = [f"\n## {name}\n\n{inspect.getdoc(found)}\n"]
    args = getattr(elastic_vllm, f"{name}Args", None)
    if args is not None:
        parts.append(f"\n`{args.__name__}`: {inspect.getdoc(args)}\n{_table('argument', args)}")
    parts.append(_table("attribute", found))
    return "".join(parts)


def _table(word: str, found: type) -> str:
    rows = [f"| `{name}` | `{type_}` | {about} |\n" for name, type_, about in _fields(found)]
    return f"\n| {word} | type | |\n|---|---|---|\n{''.join(rows)}" if rows else ""


def _fields(found: type) -> Iterator[tuple[str, str, str]]:
    """Each annotated attribute of a class: its name, its type and the docstring under it."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(found))).body
    assert isinstance(definition, ast.ClassDef)
    for line, after in zip(definition.body, [*definition.body[1:], None], strict=True):
        if isinstance(line, ast.AnnAssign) and not ast.unparse(line.target).startswith("_"):
            default = f" = {ast.unparse(line.value)}" if line.value else ""
            yield (
                ast.unparse(line.target),
                f"{ast.unparse(line.annotation)}{default}".replace("|", "\\|"),
                _doc(after),
            )


def _doc(line: ast.stmt | None) -> str:
    match line:
        case ast.Expr(ast.Constant(str() as text)):
            return " ".join(text.replace("``", "`").split())
        case _:
            return ""


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
