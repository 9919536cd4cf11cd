"""Published binaries: fetch one, check it against its publisher's checksum, or say why not.

``ELASTIC_VLLM_DOWNLOADS=off`` switches this off. ``ELASTIC_VLLM_MIRROR`` names a base under which a mirror
keeps the same paths, the host's name first: ``<base>/dl.k8s.io/v1.36.3/bin/…``. Proxies come from the
standard variables.
"""

import hashlib
import http.client
import json
import os
import re
import shutil
import tarfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from fleet.embedded.pins import Release

PROBE_SECONDS = 2.0
"""Within this time a release host answers, or the whole run does without it."""
READ_SECONDS = 20.0
"""How long a download may stall."""
_CHUNK = 1 << 20

_answers: dict[str, bool] = {}
"""Which hosts this process may use; each is asked once."""


class NotDownloadedError(Exception):
    """Why a binary has to be built, in a few words."""


def off() -> bool:
    """Whether the user switched downloads off."""
    return os.environ.get("ELASTIC_VLLM_DOWNLOADS", "").lower() in ("off", "0", "no", "false")


def probe(releases: Iterable[Release]) -> None:
    """Ask all hosts that this process has not asked yet, at once, within two seconds in all."""
    urls = [_mirrored(url) for release in releases for url in (release.url, release.checksums)]
    asked = {_host(url): url for url in urls if _host(url) not in _answers}
    threads = [threading.Thread(target=_ask, args=item, daemon=True) for item in asked.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PROBE_SECONDS
    for thread in threads:  # a name server that hangs is not bounded by the socket's timeout
        thread.join(max(0.0, deadline - time.monotonic()))
    for host in asked:
        _answers.setdefault(host, False)


def obstacle(release: Release) -> str | None:
    """Why this release cannot be downloaded, as far as the probe knows."""
    for url in (release.checksums, release.url):
        if not _answers.get(_host(_mirrored(url)), False):
            return f"{_name(_mirrored(url))} cannot be reached"
    return None


def fetch(release: Release, target: Path, progress: Callable[[str], None]) -> None:
    """Put a checked binary at ``target``. Raises ``NotDownloadedError``, and ``OSError`` for the disk."""
    expected = _checksum(_read(_mirrored(release.checksums)), release.url.rpartition("/")[2])
    archive = target.with_suffix(".download")
    unfinished = target.with_suffix(".unfinished")
    try:
        if _save(_mirrored(release.url), archive, progress) != expected:
            raise NotDownloadedError("the checksum of its release differs")
        if release.member:
            _extract(archive, release.member, unfinished)
        else:
            archive.replace(unfinished)
        unfinished.chmod(0o755)
        unfinished.replace(target)
    finally:
        archive.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)


def _mirrored(url: str) -> str:
    base = os.environ.get("ELASTIC_VLLM_MIRROR", "").rstrip("/")
    return f"{base}/{url.removeprefix('https://')}" if base else url


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _name(url: str) -> str:
    return urlsplit(url).hostname or url


def _open(url: str, timeout: float) -> IO[bytes]:
    response: IO[bytes] = urllib.request.build_opener().open(url, timeout=timeout)
    return response


def _ask(host: str, url: str) -> None:
    try:
        _open(url, PROBE_SECONDS).close()
    except urllib.error.HTTPError:
        pass  # an answer, whatever it says
    except (OSError, http.client.HTTPException, ValueError):
        return
    _answers.setdefault(host, True)


def _read(url: str) -> str:
    return b"".join(_stream(url)).decode(errors="replace")


def _save(url: str, target: Path, progress: Callable[[str], None]) -> str:
    """Write the file as it comes; returns its SHA-256."""
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        for chunk in _stream(url):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            progress(f"{size / 1e6:.0f} MB downloaded")
    return digest.hexdigest()


def _stream(url: str) -> Iterator[bytes]:
    try:
        with _open(url, READ_SECONDS) as response:
            while chunk := response.read(_CHUNK):
                yield chunk
    except urllib.error.HTTPError as error:
        said = "has no such release" if error.code == 404 else f"answers {error.code}"
        raise NotDownloadedError(f"{_name(url)} {said}") from None
    except (OSError, http.client.HTTPException, ValueError):
        _answers[_host(url)] = False  # the next binary need not wait for this host again
        raise NotDownloadedError(f"{_name(url)} stopped answering") from None


def _checksum(document: str, file: str) -> str:
    """The file's SHA-256, in whichever form its publisher has it."""
    if document.lstrip().startswith("{"):
        document = _digests(document)
    named = rf"^([0-9a-f]{{64}}) [ *]{re.escape(file)}$"
    found = re.search(rf"{named}|\A([0-9a-f]{{64}})\s*\Z", document, re.MULTILINE)
    if found is None:
        raise NotDownloadedError("its release has no checksum")
    return found[1] or found[2]


def _digests(release: str) -> str:
    """GitHub's JSON of a release, as the list of sums and names that others publish."""
    try:
        assets = json.loads(release).get("assets", ())
    except ValueError:
        return ""
    return "".join(f"{str(each.get('digest')).removeprefix('sha256:')}  {each['name']}\n" for each in assets)


def _extract(archive: Path, member: str, target: Path) -> None:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed, packed.open(member) as source:
                _copy(source, target)
        else:
            with tarfile.open(archive) as packed_tar:
                _copy(packed_tar.extractfile(member), target)
    except (KeyError, tarfile.TarError, zipfile.BadZipFile):
        raise NotDownloadedError(f"its release has no {member}") from None


def _copy(source: IO[bytes] | None, target: Path) -> None:
    if source is None:  # a folder
        raise KeyError
    with target.open("wb") as file:
        shutil.copyfileobj(source, file)
