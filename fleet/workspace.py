"""The Pulumi project that ``fleet`` works on: its program, its stack files and its policy."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from elastic_vllm import project
from elastic_vllm.rules import policy
from elastic_vllm.spec.stack import StackConfig
from elastic_vllm.stack_file.files import read_stack_file
from elastic_vllm.stack_file.parsing import parse
from fleet.errors import FleetError

PREFERRED = "local"
"""The default stack of a project that has it."""
VARIABLE = "FLEET_STACK"
"""Names another default."""


@dataclass(frozen=True)
class Workspace:
    """One project, wherever it is."""

    root: Path
    """The folder of Pulumi.yaml and ``__main__.py``."""
    stacks: Path
    """The folder of the stack files and of policy.yaml."""

    @classmethod
    def at(cls, root: Path) -> Self:
        """The project with this root."""
        try:
            return cls(root, project.stacks_folder(root))
        except yaml.YAMLError as wrong:
            first = str(wrong).splitlines()[0]
            raise FleetError(f"{root / project.FILE} is not valid YAML: {first}", "mend the file") from None

    @classmethod
    def find(cls, start: Path) -> Self:
        """The project of the nearest folder, from this one upwards, that has a Pulumi.yaml."""
        inside = start.resolve()
        if not inside.is_dir():
            raise FleetError(f"{start} is not a folder", "name the folder of a Pulumi project with -C")
        for folder in (inside, *inside.parents):
            if (folder / project.FILE).is_file():
                return cls.at(folder)
        raise FleetError(
            f"there is no {project.FILE} in {inside} or above it",
            "name the project's folder with -C, or start one with `fleet init`",
        )

    @property
    def policy(self) -> Path:
        """The team's policy, which need not exist."""
        return self.stacks / policy.NAME

    def stack_file(self, stack: str) -> Path:
        """The file of a stack, which need not exist."""
        return self.stacks / f"Pulumi.{stack}.yaml"

    def names(self) -> tuple[str, ...]:
        """The stacks that have a file."""
        return tuple(sorted(path.name[7:-5] for path in self.stacks.glob("Pulumi.*.yaml")))

    def default(self) -> str:
        """The stack of a command that names none."""
        if chosen := os.environ.get(VARIABLE):
            return chosen
        names = self.names()
        if PREFERRED in names:
            return PREFERRED
        if len(names) == 1:
            return names[0]
        if not names:
            raise FleetError(f"there is no stack file in {self.stacks}", "`fleet init NAME` writes one")
        raise FleetError(
            f"no stack is named, and there are: {', '.join(names)}",
            f"name one with --stack, or set {VARIABLE}",
        )

    def config(self, stack: str) -> StackConfig:
        """The checked configuration of a stack."""
        return parse(read_stack_file(self.stack_file(stack)))
