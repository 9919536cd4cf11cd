"""Copies one revision of a checkpoint from the Hugging Face hub into a bucket, once.

The program mounts this file into a Job. It runs in vLLM's own image, which has all that it imports, and takes
one file at a time, so that the disk holds the largest and not the sum. It may be cut off at any moment and
run again: a file counts when it is whole, the revision when the mark is there.
"""

import argparse
import fnmatch
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol

KEPT = ("*.jinja", "*.json", "*.model", "*.safetensors", "*.txt")
"""Weights, configuration, tokenizer. No code, and no weights in a format that runs code when it is read."""
MARK = "_complete"
"""Written last; no pattern of a loader matches it."""


class Store(Protocol):
    """Where files go: one prefix of one bucket."""

    def size(self, name: str) -> int | None:
        """How many bytes are there under this name; nothing where there is no such file."""

    def put(self, name: str, file: Path) -> None:
        """Copy a file there; it is there whole or not at all."""


class S3:
    """A prefix on S3, by the pod's own identity."""

    def __init__(self, bucket: str, prefix: str) -> None:
        import boto3  # type: ignore[import-untyped]  # noqa: PLC0415  # only the SDK of the bucket's cloud

        self._client, self._bucket, self._prefix = boto3.client("s3"), bucket, prefix

    def size(self, name: str) -> int | None:
        """See ``Store.size``. Listing tells a missing file from a forbidden one; asking for it does not."""
        key = f"{self._prefix}/{name}"
        found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=key).get("Contents", [])
        return next((int(item["Size"]) for item in found if item["Key"] == key), None)

    def put(self, name: str, file: Path) -> None:
        """See ``Store.put``."""
        self._client.upload_file(str(file), self._bucket, f"{self._prefix}/{name}")


class Gcs:
    """A prefix on Cloud Storage, likewise."""

    def __init__(self, bucket: str, prefix: str) -> None:
        from google.cloud import storage  # type: ignore[import-untyped]  # noqa: PLC0415  # likewise

        self._bucket, self._prefix = storage.Client().bucket(bucket), prefix

    def size(self, name: str) -> int | None:
        """See ``Store.size``."""
        found = self._bucket.get_blob(f"{self._prefix}/{name}")
        return None if found is None else int(found.size)

    def put(self, name: str, file: Path) -> None:
        """See ``Store.put``."""
        self._bucket.blob(f"{self._prefix}/{name}").upload_from_filename(str(file))


def store(address: str) -> Store:
    """The store at an address like ``s3://bucket/prefix``."""
    scheme, _, path = address.partition("://")
    bucket, _, prefix = path.partition("/")
    kinds: dict[str, type[S3] | type[Gcs]] = {"s3": S3, "gs": Gcs}
    if scheme not in kinds or not bucket or not prefix:
        raise ValueError(
            f"{address!r} is no address of a prefix; write s3://bucket/prefix or gs://bucket/prefix"
        )
    return kinds[scheme](bucket, prefix)


def copy(hub: Any, checkpoint: str, revision: str, to: Store, scratch: Path) -> None:  # Any: see ``main``
    """Copy what is not there yet, then set the mark. What the hub did not mean to send is never uploaded."""
    if to.size(MARK) is not None:
        print(f"{checkpoint} at {revision} is there already")
        return
    info = hub.HfApi().model_info(checkpoint, revision=revision, files_metadata=True)
    files = [file for file in info.siblings if kept(file.rfilename)]
    if not any(file.rfilename.endswith(".safetensors") for file in files):
        raise ValueError(f"{checkpoint} at {revision} has no safetensors; nothing else is served")
    for file in files:
        # What a branch meant may have changed since the last attempt; only a commit can be gone on with.
        if info.sha == revision and to.size(file.rfilename) == file.size:
            continue
        path = Path(hub.hf_hub_download(checkpoint, file.rfilename, revision=info.sha, local_dir=scratch))
        check(path, file)
        to.put(file.rfilename, path)
        path.unlink()
        print(f"{file.rfilename}: {file.size} bytes")
    mark = scratch / MARK
    mark.write_text(json.dumps({"checkpoint": checkpoint, "commit": info.sha, "files": len(files)}))
    to.put(MARK, mark)
    print(f"{checkpoint} at {info.sha} is complete: {len(files)} files")


def kept(name: str) -> bool:
    """Whether serving needs the file; what lies in a folder of the repository never does."""
    return "/" not in name and any(fnmatch.fnmatchcase(name, pattern) for pattern in KEPT)


def check(path: Path, file: Any) -> None:  # Any: see ``main``
    """Compare a download with what the hub says of the file: its length and, of large ones, its SHA-256."""
    if path.stat().st_size != file.size:
        raise ValueError(f"{file.rfilename} has {path.stat().st_size} bytes, and {file.size} were promised")
    if file.lfs is not None:
        with path.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != file.lfs.sha256:
            raise ValueError(f"{file.rfilename} has the SHA-256 {found}, and {file.lfs.sha256} was promised")


def main(arguments: list[str]) -> None:
    """The command line of the Job."""
    import huggingface_hub  # type: ignore[import-not-found]  # noqa: PLC0415  # in vLLM's image alone

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("--to", required=True)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        copy(huggingface_hub, given.checkpoint, given.revision, store(given.to), Path(scratch))


if __name__ == "__main__":
    main(sys.argv[1:])
