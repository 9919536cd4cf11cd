"""The key over the cluster's Secrets, as GKE keeps them. Without the key they are lost.

The stack makes one, unless the stack file names one or leaves encryption to Google.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_gcp.kms import CryptoKey, CryptoKeyIAMMember, KeyRing
from pulumi_gcp.projects import ServiceIdentity

from elastic_vllm.spec import GcpCluster

if TYPE_CHECKING:
    from pulumi_gcp.container import ClusterDatabaseEncryptionArgsDict

ROTATION_PERIOD = "7776000s"
"""90 days. Older versions stay, to read what they encrypted."""


@dataclass(frozen=True, kw_only=True)
class SecretsKey:
    """The key, and GKE's leave to use it."""

    id: pulumi.Output[str] | None = None
    """None where Google encrypts with keys of its own."""
    grants: Sequence[CryptoKeyIAMMember] = ()
    """None where the key is not the stack's own."""

    @property
    def setting(self) -> "ClusterDatabaseEncryptionArgsDict":
        """The block of the cluster that names the key."""
        return {"state": "DECRYPTED"} if self.id is None else {"state": "ENCRYPTED", "key_name": self.id}


def secrets_key(
    name: str, spec: GcpCluster, labels: Mapping[str, str], opts: pulumi.ResourceOptions
) -> SecretsKey:
    """Register the key in the cluster's region, and let GKE's own account of this project use it."""
    if spec.encryption.secrets == "google":
        return SecretsKey()
    if spec.encryption.secrets:
        return SecretsKey(id=pulumi.Output.from_input(spec.encryption.secrets))
    ring = KeyRing(f"{name}-keys", location=spec.region, opts=opts)
    key = CryptoKey(
        f"{name}-secrets-key",
        key_ring=ring.id,
        purpose="ENCRYPT_DECRYPT",
        rotation_period=ROTATION_PERIOD,
        labels=dict(labels),
        opts=opts,
    )
    agent = ServiceIdentity(f"{name}-agent", service="container.googleapis.com", opts=opts)
    grant = CryptoKeyIAMMember(
        f"{name}-secrets-key-grant",
        crypto_key_id=key.id,
        role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
        member=agent.member,
        opts=opts,
    )
    return SecretsKey(id=key.id, grants=[grant])
