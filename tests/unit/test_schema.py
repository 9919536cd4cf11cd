"""The JSON schema that editors use: current, right about the committed files, as strict as the program."""

import copy
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from docs.generate import stack_schema as schema
from elastic_vllm.spec.stack import PROJECT
from tests.strategies import Raw, raw_stacks

STACKS = Path(__file__).parents[2] / "stacks"
FILES = sorted(STACKS.glob("Pulumi.*.yaml"))


@pytest.fixture(scope="module")
def editor() -> Draft202012Validator:
    committed = json.loads(schema.PATH.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(committed)
    return Draft202012Validator(committed)


@pytest.fixture
def local() -> dict[str, object]:
    document = yaml.safe_load((STACKS / "Pulumi.local.yaml").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def complaints(editor: Draft202012Validator, document: object) -> list[str]:
    return [error.message for error in editor.iter_errors(document)]


def test_the_committed_schema_is_what_the_models_say() -> None:
    assert schema.PATH.read_text(encoding="utf-8") == schema.text(), "run `make schema`"


def test_the_committed_schema_of_the_policy_is_what_its_model_says_and_takes_the_committed_policy() -> None:
    assert schema.POLICY_PATH.read_text(encoding="utf-8") == schema.policy_text(), "run `make schema`"
    committed = yaml.safe_load((STACKS / "policy.yaml").read_text(encoding="utf-8"))
    plain = json.loads(json.dumps(committed, default=str))
    assert complaints(Draft202012Validator(json.loads(schema.policy_text())), plain) == []


def test_the_same_models_give_the_same_bytes() -> None:
    assert schema.text() == schema.text()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_committed_stack_file_pleases_an_editor_and_points_it_at_the_schema(
    file: Path, editor: Draft202012Validator
) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    assert complaints(editor, yaml.safe_load(text)) == []


@settings(max_examples=60)
@given(raw=raw_stacks())
def test_an_editor_accepts_every_stack_that_the_program_accepts(
    raw: Raw, editor: Draft202012Validator
) -> None:
    assert (
        complaints(editor, {"config": {f"{PROJECT}:{name}": section for name, section in raw.items()}}) == []
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("config/elastic-vllm:cluster/bootSecond", 8),
        ("config/elastic-vllm:cluster/cloud", "azure"),
        ("config/elastic-vllm:pool", []),
        ("config/elastic-vllm:pools/0/maxNode", 3),
        ("config/elastic-vllm:pools/0/max_nodes", 3),
        ("config/elastic-vllm:pools/0/maxNodes", "3"),
        ("config/elastic-vllm:pools/0/gpusPerNode", True),
        ("config/elastic-vllm:pools/0/accelerator", "a10"),
        ("config/elastic-vllm:models/0/checkpoint", "Qwen/Qwen3-VL-9B"),
        ("config/elastic-vllm:models/0/engine/maxModelLength", 1),
        ("config/elastic-vllm:models/0/scaling/metrics", [{"type": "Gpu"}]),
        ("config/elastic-vllm:models/0/scaling/preset", None),
        ("config/elastic-vllm:models/0/slo/ttftP99Seconds", 0.6),
        ("config/elastic-vllm:apiKeys", {"chat": "in plain text"}),
        ("config/elastic-vllm:hubToken", "in plain text"),
        ("config/cluster", {}),
        ("configuration", {}),
    ],
)
def test_an_editor_marks_what_the_program_would_refuse(
    path: str, value: object, editor: Draft202012Validator, local: dict[str, object]
) -> None:
    broken: object = copy.deepcopy(local)
    here = broken
    *parents, last = path.split("/")
    for part in parents:
        here = here[int(part)] if isinstance(here, list) else here[part]  # type: ignore[index]  # plain YAML data
    here[last] = value  # type: ignore[index]  # plain YAML data
    assert complaints(editor, local) == []
    assert complaints(editor, broken) != []


def test_an_editor_accepts_encrypted_keys_and_settings_of_others(
    editor: Draft202012Validator, local: dict[str, object]
) -> None:
    config = local["config"]
    assert isinstance(config, dict)
    config |= {
        "elastic-vllm:apiKeys": {"chat": {"secure": "v1:abc"}},
        "elastic-vllm:hubToken": {"secure": "v1:abc"},
        "kubernetes:enableServerSideApply": "true",
        "pulumi:disable-default-providers": ["*"],
    }
    assert complaints(editor, local | {"encryptionsalt": "v1:abc"}) == []


def test_every_key_has_a_description_in_the_editor() -> None:
    definitions = schema.schema()["$defs"]
    assert isinstance(definitions, dict)
    silent = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, field in definition["properties"].items()
        if "description" not in field and key != "cloud"
    ]
    assert silent == []
