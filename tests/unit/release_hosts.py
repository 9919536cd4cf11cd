"""A stand-in for all release hosts: a local server that keeps what they publish, as a mirror does."""

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from fleet.embedded import downloads
from fleet.embedded.pins import Binary, Release


@dataclass
class ReleaseHosts:
    """What they publish, and how they misbehave."""

    files: dict[str, bytes] = field(default_factory=dict)
    truncated: set[str] = field(default_factory=set)
    stalled: set[str] = field(default_factory=set)
    """Half of it comes, and then nothing."""
    asked: list[str] = field(default_factory=list)
    hangs: bool = False
    let_go: threading.Event = field(default_factory=threading.Event)

    def publish(self, binary: Binary) -> None:
        """Put a binary that says its name, its archive and its checksum where its row has them."""
        release = binary.release
        assert release is not None
        content = f"published {binary.name}".encode()
        file = packed(release.url, release.member, content) if release.member else content
        self.files[release.url] = file
        self.vouch(release)

    def vouch(self, release: Release) -> None:
        """Publish the checksum of what the release's file is now, in the form that its host has."""
        content = self.files[release.url]
        digest, name = hashlib.sha256(content).hexdigest(), release.url.rpartition("/")[2]
        if "api.github.com" in release.checksums:
            said = json.loads(
                self.files.get(release.checksums, b'{"assets": [{"name": "x", "digest": null}]}')
            )
            said["assets"].append({"name": name, "digest": f"sha256:{digest}"})
            text = json.dumps(said)
        elif release.checksums.endswith(".sha256"):
            text = f"{digest}\n"
        else:
            text = f"{'0' * 64}  other.tar.gz\n{digest}  {name}\n"
        self.files[release.checksums] = text.encode()


def packed(url: str, member: str, content: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    """An archive with one file, of the kind that its address says."""
    buffer = io.BytesIO()
    if url.endswith(".zip"):
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(member, content)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive_tar:
        header = tarfile.TarInfo(member)
        header.type, header.size = kind, len(content)
        archive_tar.addfile(header, io.BytesIO(content))
    return buffer.getvalue()


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, published: Collection[Binary] = ()) -> Iterator[ReleaseHosts]:
    """Serve on loopback, and have downloads go there."""
    hosts = ReleaseHosts()
    for binary in published:
        hosts.publish(binary)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = f"https:/{urlsplit(self.path).path}"
            hosts.asked.append(url)
            if hosts.hangs:
                hosts.let_go.wait()
            content = hosts.files.get(url)
            self.send_response(404 if content is None else 200)
            content = content or b""
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            halved = url in hosts.truncated | hosts.stalled
            self.wfile.write(content[: len(content) // 2] if halved else content)
            if url in hosts.stalled:
                hosts.let_go.wait()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.delenv("ELASTIC_VLLM_DOWNLOADS", raising=False)
    monkeypatch.setenv("ELASTIC_VLLM_MIRROR", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloads, "_answers", {})
    try:
        yield hosts
    finally:
        hosts.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()
