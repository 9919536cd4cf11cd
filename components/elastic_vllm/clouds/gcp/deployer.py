"""The roles of the deployer in a project, and what each is for. Pure; imports no SDK."""

from collections.abc import Iterator, Mapping

ROLES: Mapping[str, str] = {
    "roles/cloudkms.admin": "the key, and GKE's leave to use it",
    "roles/compute.networkAdmin": "VPC, subnetwork, router, NAT",
    "roles/compute.securityAdmin": "the firewall rule of webhooks, where replicas span several nodes",
    "roles/container.admin": "cluster, node pools, and objects in the cluster",
    "roles/iam.serviceAccountAdmin": "the nodes' account; it reaches every account of the project",
    "roles/iam.serviceAccountUser": "nodes that run as it; it acts as every account of the project",
    "roles/resourcemanager.projectIamAdmin": "the roles of that account, and no others: see the condition",
    "roles/serviceusage.serviceUsageAdmin": "naming GKE's own account of the project",
    "roles/storage.admin": "the bucket with the weights, and who may use it",
}
"""By Google's name. There is no custom role: these follow the services as they grow."""


FOR_OWN_ACCOUNT = frozenset(
    {
        "roles/iam.serviceAccountAdmin",
        "roles/iam.serviceAccountUser",
        "roles/resourcemanager.projectIamAdmin",
    }
)
"""Needed in the project only where the stack makes the nodes' account itself."""


def grant_condition(granted: tuple[str, ...]) -> str:
    """The condition on ``projectIamAdmin``: it may give and take these roles alone, so never its own."""
    listed = ", ".join(f"'{role}'" for role in sorted(granted))
    return f"api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([{listed}])"


def commands(project: str, granted: tuple[str, ...], node_account: str | None = None) -> Iterator[str]:
    """Lines for a shell that knows the deployer as ``$DEPLOYER``; ``granted`` are the roles of the nodes.

    With an account for the nodes that is there already, the deployer may run nodes as that account alone.
    """
    if node_account:
        yield "# the nodes' account: what it needs, and the deployer's right to start nodes as it"
        for role in granted:
            yield (
                f"gcloud projects add-iam-policy-binding {project} "
                f"--member=serviceAccount:{node_account} --role={role} --condition=None"
            )
        yield (
            f"gcloud iam service-accounts add-iam-policy-binding {node_account} "
            f'--member="$DEPLOYER" --role=roles/iam.serviceAccountUser'
        )
    for role, purpose in ROLES.items():
        if node_account and role in FOR_OWN_ACCOUNT:
            continue
        yield f"# {purpose}"
        condition = "None"
        if role == "roles/resourcemanager.projectIamAdmin":
            condition = f'"^:^title=nodes-roles-only:expression={grant_condition(granted)}"'
        yield (
            f'gcloud projects add-iam-policy-binding {project} --member="$DEPLOYER" --role={role} '
            f"--condition={condition}"
        )
