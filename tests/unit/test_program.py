"""A stack file becomes the configuration that the Pulumi CLI would hand to the program."""

from pathlib import Path

import pytest

from elastic_vllm.spec.finding import StackConfigError
from fleet.deploy.program import read_config, secret_variable, stack_ref
from fleet.errors import DeployError


def stack_file(folder: Path, content: str) -> Path:
    path = folder / "stacks" / "Pulumi.local.yaml"
    path.parent.mkdir()
    (folder / "Pulumi.yaml").write_text("stackConfigDir: stacks\n")
    path.write_text(content)
    return path


def test_all_but_strings_are_json_and_short_keys_get_the_projects_name(tmp_path: Path) -> None:
    path = stack_file(
        tmp_path,
        "config:\n"
        "  elastic-vllm:models: [{name: chat, replicas: {min: 1}}]\n"
        "  elastic-vllm:namespace: inference\n"
        "  flag: true\n"
        "  kubernetes:context: none\n",
    )
    config, secret_keys = read_config(path)
    assert config == {
        "elastic-vllm:models": '[{"name": "chat", "replicas": {"min": 1}}]',
        "elastic-vllm:namespace": "inference",
        "elastic-vllm:flag": "true",
        "kubernetes:context": "none",
    }
    assert secret_keys == ()


def test_what_the_cli_encrypted_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stack_file(tmp_path, "config:\n  elastic-vllm:apiKeys: {secure: AAAB}\n")
    monkeypatch.setenv("ELASTIC_VLLM_SECRET_API_KEYS", '{"chat": "key"}')
    assert read_config(path) == ({"elastic-vllm:apiKeys": '{"chat": "key"}'}, ("elastic-vllm:apiKeys",))


def test_a_missing_secret_names_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELASTIC_VLLM_SECRET_API_KEYS", raising=False)
    path = stack_file(tmp_path, "config:\n  elastic-vllm:apiKeys: {secure: AAAB}\n")
    with pytest.raises(
        DeployError, match=r"elastic-vllm:apiKeys is encrypted.*set ELASTIC_VLLM_SECRET_API_KEYS"
    ):
        read_config(path)


def test_what_the_cli_encrypted_in_part_comes_whole_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``pulumi config set --secret --path 'elastic-vllm:apiKeys.chat'`` writes it."""
    path = stack_file(tmp_path, "config:\n  elastic-vllm:apiKeys:\n    chat: {secure: AAAB}\n")
    with pytest.raises(DeployError, match="set ELASTIC_VLLM_SECRET_API_KEYS to its whole value"):
        read_config(path)
    monkeypatch.setenv("ELASTIC_VLLM_SECRET_API_KEYS", '{"chat": "key"}')
    assert read_config(path) == ({"elastic-vllm:apiKeys": '{"chat": "key"}'}, ("elastic-vllm:apiKeys",))


def test_keys_that_only_the_environment_has_are_taken_without_any_cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stack_file(tmp_path, "config: {elastic-vllm:namespace: ours}\n")
    monkeypatch.setenv("ELASTIC_VLLM_SECRET_API_KEYS", '{"chat": "key"}')
    config, secret_keys = read_config(path)
    assert config == {"elastic-vllm:apiKeys": '{"chat": "key"}', "elastic-vllm:namespace": "ours"}
    assert secret_keys == ("elastic-vllm:apiKeys",)


@pytest.mark.parametrize(
    ("key", "variable"),
    [
        ("elastic-vllm:apiKeys", "ELASTIC_VLLM_SECRET_API_KEYS"),
        ("elastic-vllm:hf-token", "ELASTIC_VLLM_SECRET_HF_TOKEN"),
        ("plain", "ELASTIC_VLLM_SECRET_PLAIN"),
    ],
)
def test_a_secrets_variable_is_its_key_in_capitals(key: str, variable: str) -> None:
    assert secret_variable(key) == variable


def test_a_missing_stack_names_those_that_exist(tmp_path: Path) -> None:
    stack_file(tmp_path, "config: {}\n")
    with pytest.raises(StackConfigError, match=r"no stack file Pulumi\.lokal\.yaml; the stacks are: local"):
        stack_ref("lokal", root=tmp_path, kubeconfig=tmp_path / "kubeconfig", home=tmp_path)


def test_the_configuration_of_a_stack_does_not_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack_file(tmp_path, "config:\n  elastic-vllm:apiKeys: {secure: AAAB}\n")
    monkeypatch.setenv("ELASTIC_VLLM_SECRET_API_KEYS", "s3cr3t")
    ref = stack_ref("local", root=tmp_path, kubeconfig=tmp_path / "kubeconfig", home=tmp_path)
    assert ref.config == {"elastic-vllm:apiKeys": "s3cr3t"}
    assert "s3cr3t" not in repr(ref)


@pytest.mark.parametrize("written", ["{secure: AAAB}", "{chat: {secure: AAAB}}", "{chat: plain}", None])
def test_a_stand_in_takes_the_place_of_a_secret_however_the_file_has_it(
    tmp_path: Path, written: str | None
) -> None:
    path = stack_file(
        tmp_path, f"config:\n  elastic-vllm:apiKeys: {written}\n" if written else "config: {}\n"
    )
    given = {"elastic-vllm:apiKeys": '{"chat": "x"}'}
    assert read_config(path, given) == (given, ("elastic-vllm:apiKeys",))
