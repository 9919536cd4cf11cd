"""Where a Pulumi project keeps its stack files."""

from collections.abc import Mapping
from pathlib import Path

import yaml

FILE = "Pulumi.yaml"


def stacks_folder(root: Path) -> Path:
    """The folder that ``stackConfigDir`` in Pulumi.yaml names; the project's own where it names none."""
    try:
        project = yaml.safe_load((root / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return root
    folder = project.get("stackConfigDir") if isinstance(project, Mapping) else None
    return root / folder if isinstance(folder, str) else root
