"""GitHub's Markdown, piece by piece. Text from files is escaped: no markup, no mentions."""

import re
from collections.abc import Iterable, Sequence


def folded(summary: str, body: str, state: str = "") -> str:
    """A section that opens at a click; ``state`` is `` open`` where it is open from the start."""
    return f"<details{state}><summary>{summary}</summary>\n\n{body}\n\n</details>"


def fenced(lines: Iterable[str], language: str = "diff") -> str:
    """Lines as they are, coloured by their first sign."""
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def table(heads: Sequence[str], rows: Iterable[Iterable[str]], right: Sequence[int] = ()) -> str:
    """A table; ``right`` are the columns of figures."""
    rule = ["---:" if index in right else "---" for index in range(len(heads))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def code(text: str) -> str:
    """A name or a key, to the letter."""
    plain = re.sub(r"\s+", " ", text).replace("|", "\\|")
    return f"`` {plain} ``" if "`" in plain else f"`{plain}`"


def escaped(text: str) -> str:
    """Text from a file, in a table: no markup, no mentions."""
    return escaped_text(text).replace("|", "\\|")


def escaped_text(text: str) -> str:
    """Likewise, outside of tables. Backticks stay: they set off names."""
    plain = re.sub(r"\s+", " ", text).replace("&", "&amp;").replace("<", "&lt;")
    plain = re.sub(r"([*_\[\]~])", r"\\\1", plain)
    return re.sub(r"([@#])(?=\w)", r"\1<!-- -->", plain)
