"""``fleet`` as a person runs it: wrong input ends with one error, and nothing is started before."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml

from fleet.deploy import tools
from fleet.embedded.layout import Layout

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Checkout:
    """A copy of the program, so that a test may spoil its stack files, and the environment it runs in."""

    root: Path
    environment: dict[str, str] = field(repr=False)

    def fleet(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fleet", *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def fails(self, *arguments: str) -> str:
        """What it says when it must refuse: one error, which names what to do, and no traceback."""
        done = self.fleet(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        assert done.stderr.count("error:") == 1, done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done.stderr

    def stack(self, name: str, text: str) -> None:
        (self.root / "stacks" / f"Pulumi.{name}.yaml").write_text(text)

    def with_environment(self, **more: str) -> "Checkout":
        return replace(self, environment=self.environment | more)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    for name in ("components", "fleet", "stacks"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture
def checkout(program: Path, tmp_path: Path) -> Checkout:
    """Without a cluster, and without a Pulumi CLI on PATH."""
    environment = os.environ | {
        "ELASTIC_VLLM_HOME": str(tmp_path / "home"),
        "PATH": "/usr/bin:/bin",
        "COLUMNS": "200",
        "PYTHONPATH": str(program / "components"),
    }
    environment.pop("ELASTIC_VLLM_KUBECONFIG", None)
    return Checkout(program, environment)


@pytest.fixture
def deployed(checkout: Checkout, cluster: Layout) -> Checkout:
    """The same with the cluster that all tests share."""
    return checkout.with_environment(ELASTIC_VLLM_HOME=str(cluster.root))


def local_stack(**changes: object) -> str:
    document = yaml.safe_load((ROOT / "stacks" / "Pulumi.local.yaml").read_text())
    document["config"] |= {f"elastic-vllm:{name}": value for name, value in changes.items()}
    return yaml.safe_dump(document)


@pytest.mark.parametrize("command", ["up", "preview", "destroy", "drill"])
def test_a_stack_that_does_not_exist_is_told_with_those_that_do(checkout: Checkout, command: str) -> None:
    said = checkout.fails(command, "--stack", "prodction")
    assert "there is no stack file Pulumi.prodction.yaml" in said
    assert "local" in said.partition("; the stacks are: ")[2]


@pytest.mark.parametrize("path", ["stacks/Pulumi.local.yaml", "Pulumi.local.yaml", "../local", ""])
def test_a_stack_named_by_its_file_is_told_how_stacks_are_named(checkout: Checkout, path: str) -> None:
    done = checkout.fleet("preview", "--stack", path)
    assert done.returncode == 2
    assert "invalid stack name; pass `local` for Pulumi.local.yaml" in done.stderr


def test_a_misspelt_key_is_named_with_its_path_and_with_what_exists(checkout: Checkout) -> None:
    models = yaml.safe_load(local_stack())["config"]["elastic-vllm:models"]
    models[0]["engine"]["maxModelLenn"] = 1
    checkout.stack("misspelt", local_stack(models=models))
    said = checkout.fails("preview", "--stack", "misspelt")
    assert "models[0].engine.maxModelLenn" in said
    assert "maxModelLen" in said.replace("maxModelLenn", "")


def test_a_misspelt_section_is_named_with_what_exists(checkout: Checkout) -> None:
    checkout.stack("section", local_stack(modles=[]))
    said = checkout.fails("up", "--stack", "section")
    assert "modles" in said
    assert "did you mean elastic-vllm:models?" in said


def test_broken_yaml_is_told_with_its_line(checkout: Checkout) -> None:
    checkout.stack("broken", "config:\n  elastic-vllm:pools: [\n")
    said = checkout.fails("preview", "--stack", "broken")
    assert "Pulumi.broken.yaml is not valid YAML: line 3" in said


AWS = local_stack(cluster={"cloud": "aws", "region": "eu-central-1"})


@pytest.fixture
def on_aws(checkout: Checkout, tmp_path: Path) -> Checkout:
    """A stack on a cloud, and a backend of the user's own."""
    (tmp_path / "state").mkdir()
    checkout.stack("cloud", AWS)
    return checkout.with_environment(
        PULUMI_BACKEND_URL=f"file://{tmp_path / 'state'}",
        PULUMI_CONFIG_PASSPHRASE="of a test",
        PULUMI_HOME=str(tmp_path / "pulumi-home"),
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION="true",
    )


def test_a_stack_that_the_users_backend_does_not_know_is_not_made(on_aws: Checkout) -> None:
    said = on_aws.fails("preview", "--stack", "cloud")
    assert "the Pulumi backend has no stack cloud" in said
    assert "`pulumi stack init cloud`" in said


def test_a_cloud_stack_is_read_from_its_file_and_nothing_is_deployed_unasked(on_aws: Checkout) -> None:
    subprocess.run(
        [tools.ready(provider=False).command.command, "stack", "init", "cloud"],
        cwd=on_aws.root,
        env=on_aws.environment | {"PATH": os.environ["PATH"]},  # this process's CLI may be on it
        capture_output=True,
        check=True,
    )
    # The program is as far as its first resource, so it has read its configuration; there is no AWS plugin.
    assert "no resource plugin 'pulumi-resource-aws'" in on_aws.fails("preview", "--stack", "cloud")
    said = on_aws.fails("destroy", "--stack", "cloud")
    assert "there is no terminal to ask on" in said
    assert "--yes" in said


@pytest.mark.parametrize("command", ["preview", "destroy"])
def test_without_a_cluster_the_error_says_how_to_start_one(checkout: Checkout, command: str) -> None:
    assert "`fleet cluster up` starts one" in checkout.fails(command)


def test_with_a_cluster_that_stopped_the_error_says_how_to_start_it(
    checkout: Checkout, cluster: Layout, tmp_path: Path
) -> None:
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    content["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))
    stopped = checkout.with_environment(ELASTIC_VLLM_KUBECONFIG=str(tmp_path / "kubeconfig"))
    said = stopped.fails("preview")
    assert "no apiserver answers at https://127.0.0.1:1" in said
    assert "`fleet cluster up`" in said


def test_status_ends_with_one_unless_all_is_ready(checkout: Checkout, deployed: Checkout) -> None:
    without = checkout.fleet("cluster", "status")
    assert without.returncode == 1
    assert "there is no cluster; `fleet cluster up` starts one" in without.stdout
    assert deployed.fleet("cluster", "status").returncode == 0


@pytest.mark.parametrize("arguments", [["up", "--engine", "pulumi"], ["upp"], ["preview", "--stak", "local"]])
def test_a_misused_command_ends_with_two_and_tells_what_exists(
    checkout: Checkout, arguments: list[str]
) -> None:
    done = checkout.fleet(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert any(word in done.stderr for word in ("--engine", "--stack", "No such command"))


def test_a_preview_shows_what_would_come_and_makes_nothing(deployed: Checkout) -> None:
    done = deployed.fleet("preview")
    assert done.returncode == 0, done.stderr
    assert "chat" in done.stdout
    assert "planned: " in done.stdout
    assert "warning" not in done.stdout + done.stderr
    again = deployed.fleet("preview")
    assert sorted(again.stdout.splitlines()) == sorted(done.stdout.splitlines())


def test_a_cli_on_path_that_is_too_old_is_named_and_not_used(deployed: Checkout, tmp_path: Path) -> None:
    script = tmp_path / "bin" / "pulumi"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\necho v3.100.0\n")
    script.chmod(0o755)
    path = f"{script.parent}{os.pathsep}{deployed.environment['PATH']}"
    done = deployed.with_environment(PATH=path).fleet("preview")
    assert done.returncode == 0, done.stderr
    assert "the Pulumi CLI on PATH is not used" in done.stdout
    assert "3.100.0" in done.stdout
