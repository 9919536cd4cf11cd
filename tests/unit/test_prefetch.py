"""The script that fetches weights: what it takes, what it goes on with, what it refuses."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
import pytest
from moto import mock_aws

from elastic_vllm.weights import prefetch

COMMIT = "9cdc6310a8cb770ce18efaf4e9935334512aee45"
CHECKPOINT = "Qwen/Qwen3-VL-8B-Instruct-FP8"
ADDRESS = f"s3://weights/{CHECKPOINT}/{COMMIT}"
FILES = {
    ".gitattributes": b"lfs",
    "README.md": b"# Qwen",
    "chat_template.jinja": b"{{ messages }}",
    "config.json": b"{}",
    "merges.txt": b"a b",
    "model-00001-of-00002.safetensors": b"weights" * 100,
    "model-00002-of-00002.safetensors": b"more" * 100,
    "modeling.py": b"import os",
    "original/config.json": b"{}",
    "pytorch_model.bin": b"pickle",
}
SERVED = {
    name for name in FILES if name.endswith((".safetensors", ".txt", ".jinja")) or name == "config.json"
}


@dataclass
class Hub:
    """Stands for ``huggingface_hub``: the two calls that the script makes of it."""

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    head: str = COMMIT
    downloads: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    promised: dict[str, str] = field(default_factory=dict)
    """SHA-256 by file, where it is not the content's own."""

    def HfApi(self) -> "Hub":  # noqa: N802  # the name that the script calls
        return self

    def model_info(self, checkpoint: str, *, revision: str, files_metadata: bool) -> Any:
        assert (checkpoint, files_metadata) == (CHECKPOINT, True)
        self.asked.append(revision)
        return SimpleNamespace(sha=self.head, siblings=[self._sibling(name) for name in sorted(self.files)])

    def _sibling(self, name: str) -> Any:
        content = self.files[name]
        digest = self.promised.get(name, hashlib.sha256(content).hexdigest())
        lfs = SimpleNamespace(sha256=digest) if name.endswith(".safetensors") else None
        return SimpleNamespace(rfilename=name, size=len(content), lfs=lfs)

    def hf_hub_download(self, checkpoint: str, name: str, *, revision: str, local_dir: Path) -> str:
        assert (checkpoint, revision) == (CHECKPOINT, self.head)
        self.downloads.append(name)
        path = local_dir / name
        path.write_bytes(self.files[name])
        return str(path)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-moto")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="weights")
        yield boto3.resource("s3").Bucket("weights")


def fetch(hub: Hub, scratch: Path, revision: str = COMMIT, address: str = ADDRESS) -> None:
    prefetch.copy(hub, CHECKPOINT, revision, prefetch.store(address), scratch)


def there(bucket: Any, address: str = ADDRESS) -> dict[str, bytes]:
    prefix = address.removeprefix("s3://weights/") + "/"
    return {
        item.key.removeprefix(prefix): item.get()["Body"].read()
        for item in bucket.objects.filter(Prefix=prefix)
    }


def test_what_serving_needs_is_copied_and_nothing_else(bucket: Any, tmp_path: Path) -> None:
    fetch(Hub(), tmp_path)
    found = there(bucket)
    mark = json.loads(found.pop(prefetch.MARK))
    assert found == {name: FILES[name] for name in SERVED}
    assert mark == {"checkpoint": CHECKPOINT, "commit": COMMIT, "files": len(SERVED)}


def test_a_complete_revision_is_not_asked_for_again(bucket: Any, tmp_path: Path) -> None:
    fetch(Hub(), tmp_path)
    again = Hub()
    fetch(again, tmp_path)
    assert (again.asked, again.downloads) == ([], [])


def test_an_attempt_that_was_cut_off_is_gone_on_with(bucket: Any, tmp_path: Path) -> None:
    fetch(Hub(), tmp_path)
    bucket.Object(f"{CHECKPOINT}/{COMMIT}/{prefetch.MARK}").delete()
    bucket.Object(f"{CHECKPOINT}/{COMMIT}/config.json").put(Body=b"{")
    again = Hub()
    fetch(again, tmp_path)
    assert again.downloads == ["config.json"]
    assert there(bucket)["config.json"] == FILES["config.json"]


def test_what_a_branch_meant_is_fetched_from_the_start_and_from_one_commit(
    bucket: Any, tmp_path: Path
) -> None:
    address = f"s3://weights/{CHECKPOINT}/main"
    fetch(Hub(), tmp_path, "main", address)
    bucket.Object(f"{CHECKPOINT}/main/{prefetch.MARK}").delete()
    moved = Hub(head="f" * 40)
    fetch(moved, tmp_path, "main", address)
    assert set(moved.downloads) == SERVED
    assert json.loads(there(bucket, address)[prefetch.MARK])["commit"] == "f" * 40


def test_a_file_that_is_not_what_the_hub_promised_is_never_uploaded(bucket: Any, tmp_path: Path) -> None:
    name = "model-00002-of-00002.safetensors"
    with pytest.raises(ValueError, match=f"{name} has the SHA-256"):
        fetch(Hub(promised={name: "0" * 64}), tmp_path)
    assert name not in there(bucket)
    assert prefetch.MARK not in there(bucket)


def test_a_short_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"{")
    with pytest.raises(ValueError, match="1 bytes, and 2 were promised"):
        prefetch.check(path, SimpleNamespace(rfilename="config.json", size=2, lfs=None))


def test_a_checkpoint_without_safetensors_is_refused(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no safetensors"):
        fetch(Hub(files={"config.json": b"{}", "pytorch_model.bin": b"pickle"}), tmp_path)
    assert there(bucket) == {}


def test_the_disk_holds_one_file_at_a_time(bucket: Any, tmp_path: Path) -> None:
    class Watched(Hub):
        def hf_hub_download(self, checkpoint: str, name: str, *, revision: str, local_dir: Path) -> str:
            assert not [path for path in local_dir.rglob("*") if path.is_file()]
            return super().hf_hub_download(checkpoint, name, revision=revision, local_dir=local_dir)

    fetch(Watched(), tmp_path)


@pytest.mark.parametrize(
    "address", ["weights/x", "az://weights/x", "s3://weights", "s3:///x", "gs://weights/"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is no address of a prefix"):
        prefetch.store(address)


def test_a_bucket_on_google_is_used_alike(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    held: dict[str, bytes] = {}

    def blob(name: str) -> Any:
        return SimpleNamespace(
            upload_from_filename=lambda path: held.__setitem__(name, Path(path).read_bytes())
        )

    def get_blob(name: str) -> Any:
        return SimpleNamespace(size=len(held[name])) if name in held else None

    client = SimpleNamespace(bucket=lambda _: SimpleNamespace(blob=blob, get_blob=get_blob))
    cloud = SimpleNamespace(storage=SimpleNamespace(Client=lambda: client))
    monkeypatch.setitem(__import__("sys").modules, "google.cloud", cloud)
    fetch(Hub(), tmp_path, address=ADDRESS.replace("s3://", "gs://"))
    again = Hub()
    fetch(again, tmp_path, address=ADDRESS.replace("s3://", "gs://"))
    assert set(held) == {f"{CHECKPOINT}/{COMMIT}/{name}" for name in (*SERVED, prefetch.MARK)}
    assert again.downloads == []


def test_the_command_line_of_the_job_is_the_one_that_the_script_has(
    monkeypatch: pytest.MonkeyPatch, bucket: Any
) -> None:
    hub = Hub()
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", hub)
    prefetch.main(["--checkpoint", CHECKPOINT, "--revision", COMMIT, "--to", ADDRESS])
    assert set(hub.downloads) == SERVED
    assert prefetch.MARK in there(bucket)
