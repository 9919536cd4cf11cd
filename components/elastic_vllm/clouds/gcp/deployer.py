"""The roles of the deployer in a project, and what each is for. Pure; imports no SDK."""

from collections.abc import Iterator, Mapping

from elastic_vllm.clouds.gcp.spec import GcpSettings

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
FOR_OWN_NETWORK = frozenset({"roles/compute.networkAdmin", "roles/compute.securityAdmin"})
FOR_OWN_KEY = frozenset({"roles/cloudkms.admin", "roles/serviceusage.serviceUsageAdmin"})
FOR_OWN_BUCKET = frozenset({"roles/storage.admin"})
GKE_AGENT = "service-$NUMBER@container-engine-robot.iam.gserviceaccount.com"
"""GKE's own account in the stack's project."""
APIS_AGENT = "$NUMBER@cloudservices.gserviceaccount.com"
"""The account by which Google makes the machines of node pools."""
KEY_USERS: Mapping[str, str] = {
    "secrets": GKE_AGENT,
    "disks": "service-$NUMBER@compute-system.iam.gserviceaccount.com",
    "bucket": "service-$NUMBER@gs-project-accounts.iam.gserviceaccount.com",
}
"""Google's account that uses the key of each purpose."""


def grant_condition(granted: tuple[str, ...]) -> str:
    """The condition on ``projectIamAdmin``: it may give and take these roles alone, so never its own."""
    listed = ", ".join(f"'{role}'" for role in sorted(granted))
    return f"api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([{listed}])"


def commands(spec: GcpSettings, granted: tuple[str, ...]) -> Iterator[str]:
    """Lines for a shell that knows the deployer as ``$DEPLOYER``; ``granted`` are the roles of the nodes.

    The deployer gets no role over what exists already: network, keys, the nodes' account.
    """
    yield from _of_google(spec)
    if spec.node_service_account:
        yield from _of_nodes(spec.project, granted, spec.node_service_account)
    if spec.bucket:
        yield "# the bucket with the weights: who may read it"
        yield (
            f'gcloud storage buckets add-iam-policy-binding gs://{spec.bucket} --member="$DEPLOYER" '
            "--role=roles/storage.legacyBucketOwner"
        )
    for role in roles(spec):
        yield f"# {ROLES[role]}"
        condition = "None"
        if role == "roles/resourcemanager.projectIamAdmin":
            condition = f'"^:^title=nodes-roles-only:expression={grant_condition(granted)}"'
        yield (
            f'gcloud projects add-iam-policy-binding {spec.project} --member="$DEPLOYER" --role={role} '
            f"--condition={condition}"
        )


def roles(spec: GcpSettings) -> list[str]:
    """The roles in the project that a stack takes."""
    spared: set[str] = set()
    if spec.node_service_account:
        spared |= FOR_OWN_ACCOUNT
    if not spec.makes_network:
        spared |= FOR_OWN_NETWORK
    if spec.existing or spec.encryption.secrets:
        spared |= FOR_OWN_KEY
    if spec.bucket:
        spared |= FOR_OWN_BUCKET
    return [role for role in ROLES if role not in spared]


def _of_nodes(project: str, granted: tuple[str, ...], account: str) -> Iterator[str]:
    """The deployer may run nodes as that account alone."""
    yield "# the nodes' account: what it needs, and the deployer's right to start nodes as it"
    for role in granted:
        yield (
            f"gcloud projects add-iam-policy-binding {project} "
            f"--member=serviceAccount:{account} --role={role} --condition=None"
        )
    yield (
        f"gcloud iam service-accounts add-iam-policy-binding {account} "
        f'--member="$DEPLOYER" --role=roles/iam.serviceAccountUser'
    )


def _of_google(spec: GcpSettings) -> Iterator[str]:
    """What Google's own accounts of the project need in a network and over keys of yours."""
    lent = spec.network.existing
    keys = dict(spec.encryption.keys)
    if lent or keys:
        yield f"NUMBER=$(gcloud projects describe {spec.project} --format='value(projectNumber)')"
    if lent and lent.host_project != spec.project:
        host, region, subnetwork = lent.host_project, spec.region, lent.subnetwork.rpartition("/")[2]
        yield f"# the Shared VPC of {host}: GKE's account there, and who puts machines into the subnetwork"
        yield (
            f'gcloud projects add-iam-policy-binding {host} --member="serviceAccount:{GKE_AGENT}" '
            "--role=roles/container.hostServiceAgentUser --condition=None"
        )
        for agent in (GKE_AGENT, APIS_AGENT):
            yield (
                f"gcloud compute networks subnets add-iam-policy-binding {subnetwork} --region={region} "
                f'--project={host} --member="serviceAccount:{agent}" --role=roles/compute.networkUser'
            )
    for use, key in keys.items():
        yield f"# the key of {use}"
        yield (
            f'gcloud kms keys add-iam-policy-binding {key} --member="serviceAccount:{KEY_USERS[use]}" '
            "--role=roles/cloudkms.cryptoKeyEncrypterDecrypter"
        )
