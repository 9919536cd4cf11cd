"""The simulation kernel stands below the rules, the components and whatever runs it."""

import ast
from pathlib import Path

KERNEL = Path(__file__).parents[2] / "components" / "elastic_vllm" / "simulate"
BELOW = ("simulate", "estimate", "catalog", "spec", "vllm", "json_names", "section", "clouds.facts")


def test_the_kernel_imports_only_what_lies_below_it() -> None:
    for file in sorted(KERNEL.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                first, _, rest = name.partition(".")
                assert first not in {"fleet", "pulumi"}, (file, name)
                below = rest in BELOW or rest.partition(".")[0] in BELOW
                assert first != "elastic_vllm" or not rest or below, (file, name)
