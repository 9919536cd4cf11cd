"""How the program and its readers reach the control plane: its name or address, its authority, a login.

No key is in it: ``gke-gcloud-auth-plugin`` asks Google for a token of an hour. It is a secret all the same.
"""

from collections.abc import Mapping

import pulumi

PLUGIN = "gke-gcloud-auth-plugin"
INSTALL = (
    f"{PLUGIN} is missing: `gcloud components install {PLUGIN}`, "
    "or https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl"
)


def kubeconfig(
    name: pulumi.Input[str], server: pulumi.Input[str], authority: pulumi.Input[str] | None
) -> Mapping[str, object]:
    """A kubeconfig of one cluster, without a password."""
    trusted = {} if authority is None else {"certificate-authority-data": authority}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {**trusted, "server": server}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
        "users": [
            {
                "name": name,
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1beta1",
                        "command": PLUGIN,
                        "installHint": INSTALL,
                        "interactiveMode": "IfAvailable",
                        "provideClusterInfo": True,
                    }
                },
            }
        ],
    }
