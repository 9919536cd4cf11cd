"""The example in the documentation is a program that runs, and stays as short as it says."""

import ast
import runpy
from pathlib import Path
from typing import Any

from elastic_vllm.testing import Graph, record
from tests.manifests import kubernetes

EXAMPLE = Path(__file__).parents[2] / "docs" / "example" / "__main__.py"

ON_EXISTING = EXAMPLE.parent / "existing" / "__main__.py"


def execute() -> Graph:
    return record(
        lambda: runpy.run_path(str(EXAMPLE)),
        project="qwen-on-my-cluster",
        config={"qwen-on-my-cluster:kubeconfig": "kubeconfig"},
    )


def test_a_program_of_ones_own_gets_a_served_and_autoscaled_model_on_ones_own_nodes() -> None:
    graph = execute()
    kinds = sorted(item.type.rpartition(":")[2] for item in kubernetes(graph))
    assert kinds == [
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "Namespace",
        "NetworkPolicy",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    ]
    assert {item.provider_urn.rpartition("::")[2] for item in kubernetes(graph)} == {"mine"}
    spec: Any = graph.named("chat-deployment").inputs["spec"]
    assert spec["template"]["spec"]["nodeSelector"] == {"gpu": "l4"}  # as the documentation's own test has it
    assert graph.outputs["endpoint"] == "http://chat.inference.svc:8000/v1"


def test_on_a_cluster_that_exists_it_makes_pools_and_reads_weights_that_are_there() -> None:
    graph = record(lambda: runpy.run_path(str(ON_EXISTING)), project="qwen-on-our-platform")
    made = sorted(item.type.rpartition(":")[2] for item in graph if item.package == "gcp" and item.custom)
    assert made == ["BucketIAMMember", "BucketIAMMember", "NodePool", "gcp"]
    assert not graph.of_type("kubernetes:batch/v1:Job")
    spec: Any = graph.named("chat-deployment").inputs["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert any(word.startswith("gs://acme-models/Qwen/") for word in container["args"])


def test_the_documentation_shows_the_programs_that_the_tests_run() -> None:
    shown = (EXAMPLE.parents[1] / "components.md").read_text()
    assert f"```python\n{EXAMPLE.read_text()}```" in shown
    assert f"```python\n{ON_EXISTING.read_text()}```" in shown
    assert f"```yaml\n{(EXAMPLE.parent / 'yaml' / 'Pulumi.yaml').read_text()}```" in shown


def test_it_is_at_most_fifteen_lines() -> None:
    statements = ast.parse(EXAMPLE.read_text()).body[1:]
    lines = {line for item in statements for line in range(item.lineno, (item.end_lineno or 0) + 1)}
    imports = [item for item in statements if isinstance(item, ast.Import | ast.ImportFrom)]
    assert len(lines) - len(imports) <= 15
