"""Which input of a planned resource is which member of Google's API: one rule for each, and no other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Section:
    """Where a block of inputs goes, and its own rules."""

    to: str
    rules: "Rules"
    also: Mapping[str, object] = field(default_factory=dict)
    """What the provider adds when the block is there."""


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A value that the API spells otherwise."""

    to: str
    by: Callable[[object], object]


NOT_SENT = None
"""In the URL, or for Pulumi and its provider alone."""
Rule = str | Section | Converted | None
Rules = Mapping[str, Rule]


def same(*names: str) -> dict[str, Rule]:
    """Inputs that the API calls the same."""
    return {name: name for name in names}


def block(to: str, *names: str) -> Section:
    """A block of inputs that the API calls the same."""
    return Section(to=to, rules=same(*names))


def exclusions(value: object) -> object:
    """A list of exclusions as the API has it: windows by name."""
    assert isinstance(value, list)
    return {
        one["exclusionName"]: {
            "startTime": one["startTime"],
            "endTime": one["endTime"],
            "maintenanceExclusionOptions": one["exclusionOptions"],
        }
        for one in value
    }


NODE_CONFIG: Rules = {
    **same("machineType", "imageType", "serviceAccount", "oauthScopes", "diskSizeGb", "diskType", "spot"),
    **same("labels", "resourceLabels", "flexStart", "maxRunDuration", "bootDiskKmsKey", "tags"),
    "reservationAffinity": block("reservationAffinity", "consumeReservationType", "key", "values"),
    "secondaryBootDisks": block("secondaryBootDisks", "diskImage", "mode"),
    "guestAccelerators": Section(
        to="accelerators",
        rules={
            "type": "acceleratorType",
            "count": Converted(to="acceleratorCount", by=str),
            "gpuDriverInstallationConfig": block("gpuDriverInstallationConfig", "gpuDriverVersion"),
        },
    ),
    "taints": block("taints", "key", "value", "effect"),
    "gcfsConfig": block("gcfsConfig", "enabled"),
    "gvnic": block("gvnic", "enabled"),
    "ephemeralStorageLocalSsdConfig": block("ephemeralStorageLocalSsdConfig", "localSsdCount"),
    "kubeletConfig": Section(
        to="kubeletConfig",
        rules={
            "insecureKubeletReadonlyPortEnabled": Converted(
                to="insecureKubeletReadonlyPortEnabled",
                by=lambda value: {"FALSE": False, "TRUE": True}[str(value)],
            ),
            **same("shutdownGracePeriodSeconds"),
        },
    ),
    "shieldedInstanceConfig": block(
        "shieldedInstanceConfig", "enableIntegrityMonitoring", "enableSecureBoot"
    ),
    "workloadMetadataConfig": block("workloadMetadataConfig", "mode"),
}

CLUSTER: Rules = {
    "location": NOT_SENT,
    "deletionProtection": NOT_SENT,
    "removeDefaultNodePool": NOT_SENT,
    **same("network", "subnetwork", "initialNodeCount", "resourceLabels"),
    "nodeLocations": "locations",
    "networkingMode": Converted(to="ipAllocationPolicy.useIpAliases", by=lambda value: value == "VPC_NATIVE"),
    "datapathProvider": "networkConfig.datapathProvider",
    "ipAllocationPolicy": block(
        "ipAllocationPolicy", "clusterSecondaryRangeName", "servicesSecondaryRangeName"
    ),
    "privateClusterConfig": Section(
        to="privateClusterConfig",
        rules={
            **same("enablePrivateNodes", "enablePrivateEndpoint", "masterIpv4CidrBlock"),
            "masterGlobalAccessConfig": block("masterGlobalAccessConfig", "enabled"),
        },
    ),
    "masterAuthorizedNetworksConfig": Section(
        to="masterAuthorizedNetworksConfig",
        rules={
            "cidrBlocks": block("cidrBlocks", "cidrBlock", "displayName"),
            **same("gcpPublicCidrsAccessEnabled"),
        },
        also={"enabled": True},
    ),
    "controlPlaneEndpointsConfig": Section(
        to="controlPlaneEndpointsConfig",
        rules={"dnsEndpointConfig": block("dnsEndpointConfig", "allowExternalTraffic")},
    ),
    "masterAuth": Section(
        to="masterAuth",
        rules={"clientCertificateConfig": block("clientCertificateConfig", "issueClientCertificate")},
    ),
    "addonsConfig": Section(
        to="addonsConfig",
        rules={"gcpFilestoreCsiDriverConfig": block("gcpFilestoreCsiDriverConfig", "enabled")},
    ),
    "maintenancePolicy": Section(
        to="maintenancePolicy.window",
        rules={
            "recurringWindow": Section(
                to="recurringWindow",
                rules={
                    "startTime": "window.startTime",
                    "endTime": "window.endTime",
                    "recurrence": "recurrence",
                },
            ),
            "maintenanceExclusions": Converted(to="maintenanceExclusions", by=exclusions),
        },
    ),
    "releaseChannel": block("releaseChannel", "channel"),
    "workloadIdentityConfig": block("workloadIdentityConfig", "workloadPool"),
    "databaseEncryption": block("databaseEncryption", "state", "keyName"),
    "clusterAutoscaling": Section(
        to="autoscaling",
        rules={"enabled": "enableNodeAutoprovisioning", "autoscalingProfile": "autoscalingProfile"},
    ),
    "podAutoscaling": block("podAutoscaling", "hpaProfile"),
    "monitoringConfig": Section(
        to="monitoringConfig",
        rules={
            "enableComponents": "componentConfig.enableComponents",
            "managedPrometheus": block("managedPrometheusConfig", "enabled"),
        },
    ),
    "loggingConfig": Section(
        to="loggingConfig", rules={"enableComponents": "componentConfig.enableComponents"}
    ),
    "gatewayApiConfig": block("networkConfig.gatewayApiConfig", "channel"),
    "costManagementConfig": block("costManagementConfig", "enabled"),
    "enableShieldedNodes": "shieldedNodes.enabled",
    "fleet": block("fleet", "project"),
    "nodeConfig": Section(to="nodeConfig", rules=NODE_CONFIG),
}

NODE_POOL: Rules = {
    "cluster": NOT_SENT,
    "location": NOT_SENT,
    **same("initialNodeCount"),
    "nodeLocations": "locations",
    "autoscaling": Section(
        to="autoscaling",
        rules=same("totalMinNodeCount", "totalMaxNodeCount", "locationPolicy"),
        also={"enabled": True},
    ),
    "management": block("management", "autoRepair", "autoUpgrade"),
    "networkConfig": block("networkConfig", "enablePrivateNodes"),
    "nodeConfig": Section(to="config", rules=NODE_CONFIG),
    "upgradeSettings": block("upgradeSettings", "strategy", "maxSurge", "maxUnavailable"),
}

NAT: Rules = {
    "router": NOT_SENT,
    "region": NOT_SENT,
    **same("natIpAllocateOption", "sourceSubnetworkIpRangesToNat"),
    **same("enableDynamicPortAllocation", "enableEndpointIndependentMapping"),
    "logConfig": block("logConfig", "enable", "filter"),
}
BINDING: Rules = {
    "project": NOT_SENT,
    "bucket": NOT_SENT,
    "cryptoKeyId": NOT_SENT,
    "role": "role",
    "member": Converted(to="members", by=lambda value: [value]),
}


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a type of resource is created with."""

    api: str
    schema: str
    rules: Rules
    inside: str = ""
    """The member of the request that the resource is, where it is not the request itself."""
    named: str = "name"
    """The member of it that Pulumi fills with a name of its own; none where left empty."""


CALLS: Mapping[str, Call] = {
    "gcp:container/cluster:Cluster": Call(
        api="container.v1", schema="CreateClusterRequest", rules=CLUSTER, inside="cluster"
    ),
    "gcp:container/nodePool:NodePool": Call(
        api="container.v1", schema="CreateNodePoolRequest", rules=NODE_POOL, inside="nodePool"
    ),
    "gcp:compute/network:Network": Call(
        api="compute.v1",
        schema="Network",
        rules={**same("autoCreateSubnetworks"), "routingMode": "routingConfig.routingMode"},
    ),
    "gcp:compute/subnetwork:Subnetwork": Call(
        api="compute.v1",
        schema="Subnetwork",
        rules={
            **same("network", "region", "ipCidrRange", "privateIpGoogleAccess"),
            "secondaryIpRanges": block("secondaryIpRanges", "rangeName", "ipCidrRange"),
        },
    ),
    "gcp:compute/firewall:Firewall": Call(
        api="compute.v1",
        schema="Firewall",
        rules={
            **same("network", "description", "direction", "sourceRanges"),
            "allows": Section(to="allowed", rules={"protocol": "IPProtocol", "ports": "ports"}),
        },
    ),
    "gcp:compute/router:Router": Call(api="compute.v1", schema="Router", rules=same("network", "region")),
    "gcp:compute/routerNat:RouterNat": Call(api="compute.v1", schema="RouterNat", rules=NAT),
    "gcp:kms/keyRing:KeyRing": Call(
        api="cloudkms.v1", schema="KeyRing", rules={"location": NOT_SENT}, named=""
    ),
    "gcp:kms/cryptoKey:CryptoKey": Call(
        api="cloudkms.v1",
        schema="CryptoKey",
        named="",
        rules={"keyRing": NOT_SENT, **same("purpose", "rotationPeriod", "labels")},
    ),
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": Call(
        api="cloudkms.v1", schema="Binding", rules=BINDING, named=""
    ),
    "gcp:projects/iAMMember:IAMMember": Call(
        api="cloudresourcemanager.v3", schema="Binding", rules=BINDING, named=""
    ),
    "gcp:projects/serviceIdentity:ServiceIdentity": Call(
        api="serviceusage.v1beta1", schema="Empty", rules={"service": NOT_SENT}, named=""
    ),
    "gcp:storage/bucket:Bucket": Call(
        api="storage.v1",
        schema="Bucket",
        rules={
            "forceDestroy": NOT_SENT,
            **same("labels", "location", "storageClass"),
            "encryption": block("encryption", "defaultKmsKeyName"),
            "publicAccessPrevention": "iamConfiguration.publicAccessPrevention",
            "uniformBucketLevelAccess": "iamConfiguration.uniformBucketLevelAccess.enabled",
        },
    ),
    "gcp:storage/bucketIAMMember:BucketIAMMember": Call(
        api="cloudresourcemanager.v3", schema="Binding", rules=BINDING, named=""
    ),
    "gcp:serviceaccount/account:Account": Call(
        api="iam.v1",
        schema="CreateServiceAccountRequest",
        named="accountId",
        rules={"displayName": "serviceAccount.displayName", "description": "serviceAccount.description"},
    ),
}

NEEDED: Mapping[str, tuple[str, ...]] = {
    "AcceleratorConfig": ("acceleratorCount", "acceleratorType", "gpuDriverInstallationConfig"),
    "Binding": ("members", "role"),
    "Bucket": ("iamConfiguration", "location"),
    "Cluster": ("initialNodeCount", "ipAllocationPolicy", "network", "subnetwork"),
    "CryptoKey": ("purpose",),
    "DatabaseEncryption": ("keyName", "state"),
    "NodePool": ("config",),
    "NodePoolAutoscaling": ("enabled", "totalMaxNodeCount"),
    "NodeTaint": ("effect", "key", "value"),
    "Subnetwork": ("ipCidrRange", "network"),
    "WorkloadIdentityConfig": ("workloadPool",),
}
"""Members without which a request means something else or nothing; the documents mark few of them."""
