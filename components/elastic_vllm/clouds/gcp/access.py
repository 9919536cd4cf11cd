"""How the program and its readers reach the control plane: its address, its authority, whoever is logged in.

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
    name: pulumi.Input[str], server: pulumi.Input[str], authority: pulumi.Input[str]
) -> Mapping[str, object]:
    """A kubeconfig of one cluster and nobody's password."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"certificate-authority-data": authority, "server": server}}],
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
