"""Reading stack files: whatever is in them, the answer is sections or a ``StackConfigError``."""

from pathlib import Path

import pytest

from elastic_vllm.stack_file.config import StackConfigError, read_stack_file

GOOD = """
config:
  elastic-vllm:cluster: {cloud: local}
  elastic-vllm:pools: []
  elastic-vllm:apiKeys: {secure: v1:abc}
  elastic-vllm:hubToken: {secure: v1:def}
  kubernetes:kubeconfig: /somewhere
encryptionsalt: v1:abc
"""


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "Pulumi.test.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_the_sections_come_by_their_names_without_secrets_and_without_others_settings(tmp_path: Path) -> None:
    assert read_stack_file(written(tmp_path, GOOD)) == {"cluster": {"cloud": "local"}, "pools": []}


def test_anchors_and_merges_are_plain_yaml(tmp_path: Path) -> None:
    text = "config:\n  elastic-vllm:models:\n    - &a {name: a, pool: p}\n    - {<<: *a, name: b}\n"
    assert read_stack_file(written(tmp_path, text)) == {
        "models": [{"name": "a", "pool": "p"}, {"name": "b", "pool": "p"}]
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "Pulumi.test.yaml has no config block"),
        ("config:\n", "has no config block"),
        ("config: local\n", "has no config block"),
        ("- config\n", "has no config block"),
        ("config:\n\telastic-vllm:cluster: {}\n", "line 2, column 1: a tab cannot indent; use spaces"),
        ("config: {elastic-vllm:cluster: {cloud: local}\n", "is not valid YAML: line "),
        ("config: [\n", "is not valid YAML: line "),
        ("a: *nowhere\n", "is not valid YAML: line 1, column 4: found undefined alias"),
        (
            "config:\n  elastic-vllm:pools: []\n  elastic-vllm:pools: []\n",
            "line 3, column 3: the key elastic-vllm:pools stands twice",
        ),
        ("config:\n  elastic-vllm:cluster: {cloud: local, cloud: aws}\n", "the key cloud stands twice"),
        ("config:\n  elastic-vllm:cluster: {5: local}\n", "line 2, column 26: the key '5' is not text"),
        ("config:\n  elastic-vllm:cluster: {on: local}\n", "the key 'on' is not text"),
        ("config:\n  elastic-vllm:cluster: {[a]: local}\n", "is not text"),
        (
            "config:\n  elastic-vllm:cluster: !!python/object:os.system {}\n",
            "could not determine a constructor",
        ),
        ("config:\n  elastic-vllm:cluster: {compression: 2026-13-45}\n", "has a value that cannot be read"),
        (
            f"config:\n  elastic-vllm:cluster: {{compression: {'9' * 5000}}}\n",
            "has a value that cannot be read",
        ),
        (f"config: {'[' * 3000}\n", "nested too deeply"),
        (b"config: \xff\xfe\n", "is not UTF-8 text"),
        (b"config: \x00\n", "is not valid YAML"),
        (
            "config:\n  elastic-vllm:pool: []\n",
            r"pool: unknown section elastic-vllm:pool; did you mean elastic-vllm:pools\?",
        ),
        ("config:\n  pools: []\n", r"unknown section pools; did you mean elastic-vllm:pools\?"),
        (
            "config:\n  elastic-vllm:x: 1\n",
            "There are: elastic-vllm:cluster, elastic-vllm:namespace, elastic-vllm:pools",
        ),
    ],
)
def test_a_file_that_is_no_stack_file_is_refused_with_the_place(
    content: str | bytes, says: str, tmp_path: Path
) -> None:
    with pytest.raises(StackConfigError, match=says):
        read_stack_file(written(tmp_path, content))


def test_a_missing_file_names_the_ones_that_are_there(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    with pytest.raises(StackConfigError, match=r"no stack file Pulumi.prod.yaml; the stacks are: test"):
        read_stack_file(tmp_path / "Pulumi.prod.yaml")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackConfigError, match="cannot be read"):
        read_stack_file(tmp_path)
