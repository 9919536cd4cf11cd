"""Who can reach what, and what lies open. Kubernetes' own hardening is the components' business."""

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, collapse_addresses

from elastic_vllm.rules.view import View
from elastic_vllm.spec import LocalCluster
from elastic_vllm.spec.finding import Finding, kind

OPEN_ENDPOINT = kind("open-endpoint")
WIDE_ENDPOINT = kind("wide-endpoint")
EXAMPLE_RANGE = kind("example-range")
NO_API_KEY = kind("no-api-key")
MISSING_API_KEY = kind("api-key")
SECRET_IN_PLAIN = kind("secret-in-plain")
UNPROTECTED = kind("unprotected")
EXAMPLES = tuple(map(IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))
"""RFC 5737."""
MOST_OPEN = 2**30
MOST_WIDE = 2**16
_TOKENS = re.compile(
    r"hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|gh[opsu]_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{30,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]+:[^/\s:@]+@"
)


def the_control_plane_is_reached_from_few_places(view: View) -> Iterator[Finding]:
    """Ranges one by one, and all together."""
    cluster = view.config.cluster
    networks = [IPv4Network(text) for text in cluster.authorized_networks]
    together = sum(network.num_addresses for network in collapse_addresses(networks))
    if together > MOST_OPEN:
        yield OPEN_ENDPOINT.at(
            "cluster.authorizedNetworks",
            f"{together / 2**32:.0%} of all addresses reach the control plane; list the ranges you deploy "
            "from",
        )
        return
    for index, network in enumerate(networks):
        if any(network.subnet_of(example) for example in EXAMPLES):
            yield EXAMPLE_RANGE.at(
                f"cluster.authorizedNetworks[{index}]",
                f"{network} is an example of RFC 5737, from which no one deploys; write the public addresses "
                "that you deploy from (one address ends with /32)",
            )
        if network.num_addresses > MOST_WIDE:
            yield WIDE_ENDPOINT.at(
                f"cluster.authorizedNetworks[{index}]",
                f"{network} is {network.num_addresses} addresses; narrow it to those you deploy from",
            )


def production_asks_for_keys(view: View) -> Iterator[Finding]:
    """Each model decides for itself."""
    for index, model in enumerate(view.config.models):
        if view.production and not model.require_api_key:
            yield NO_API_KEY.at(
                f"models[{index}].requireApiKey",
                "false: every client that reaches the Service may use it; set true, and the secret config "
                f"apiKeys.{model.name}",
                model.name,
            )


def nothing_secret_is_written_out(view: View) -> Iterator[Finding]:
    """Words that look like tokens. Never repeats one."""
    for index, model in enumerate(view.config.models):
        words = [(f"engine.extraArgs[{i}]", word) for i, word in enumerate(model.engine.extra_args)]
        for key, word in [*words, ("engine.image", model.engine.image)]:
            if _TOKENS.search(word):
                yield _plain(f"models[{index}].{key}", model.name)
    for key, word in _texts("cluster", view.config.cluster.model_dump(by_alias=True)):
        if _TOKENS.search(word):
            yield _plain(key)


def _texts(key: str, value: object) -> Iterator[tuple[str, str]]:
    """Every text in a section, with its key."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(f"{key}.{name}", inner)
    elif isinstance(value, Sequence):
        for index, inner in enumerate(value):
            yield from _texts(f"{key}[{index}]", inner)


def _plain(key: str, subject: str = "") -> Finding:
    message = (
        "looks like a secret, and would stand in git and in the pod; revoke it, and set it as a Pulumi secret"
    )
    return SECRET_IN_PLAIN.at(key, message, subject)


def production_is_protected(view: View) -> Iterator[Finding]:
    """Simulated clusters may always go."""
    cluster = view.config.cluster
    if view.production and not isinstance(cluster, LocalCluster) and not cluster.protect:
        message = "false: a destroy or a replacement would take the cluster with all that runs; set true"
        yield UNPROTECTED.at("cluster.protect", message)
