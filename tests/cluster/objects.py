"""What tests do to objects by hand, by the API itself."""

import threading
from collections.abc import Iterator

from elastic_vllm.testing.values import items, mapping
from fleet.kube.apiserver import Apiserver
from fleet.kube.objects import Object, Ref


def apply(api: Apiserver, ref: Ref, body: Object, *, force: bool = False, dry_run: bool = False) -> None:
    """Server-side apply; unknown fields are refused, and others' fields unless ``force``."""
    query = {"fieldManager": "tests", "fieldValidation": "Strict", "force": str(force).lower()}
    api.send(
        "PATCH",
        api.path(ref),
        query=query | ({"dryRun": "All"} if dry_run else {}),
        body=body,
        content_type="application/apply-patch+yaml",
    )


def delete(api: Apiserver, ref: Ref) -> None:
    """Ask for the deletion, and return at once."""
    api.send("DELETE", api.path(ref), body={"propagationPolicy": "Background"})


def states(api: Apiserver, ref: Ref, seconds: int) -> Iterator[Object | None]:
    """The object as it is, then after each change; None where it is not there. Ends after ``seconds``."""
    query = {"fieldSelector": f"metadata.name={ref.name}", "timeoutSeconds": str(seconds)}
    followed = api.follow(ref.api_version, ref.kind, ref.namespace, threading.Event(), **query)
    _, found = next(followed)
    yield next(map(mapping, items(found.get("items"))), None)
    for event, item in followed:
        if event == "LIST":  # the watch is over
            return
        yield None if event == "DELETED" else item
