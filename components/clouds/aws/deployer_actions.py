"""The calls that the program's resources come down to. Data alone: ``deployer.py`` bounds them."""

MADE_BY_EC2 = (
    "AllocateAddress",
    "CreateInternetGateway",
    "CreateLaunchTemplate",
    "CreateNatGateway",
    "CreateRouteTable",
    "CreateSecurityGroup",
    "CreateSubnet",
    "CreateVpc",
    "CreateVpcEndpoint",
)
BORN = (
    "elastic-ip",
    "internet-gateway",
    "launch-template",
    "natgateway",
    "route-table",
    "security-group",
    "subnet",
    "vpc",
    "vpc-endpoint",
)
"""What those make; each must be born with the stack's tag."""
CHANGED_IN_EC2 = (
    "AssociateRouteTable",
    "AttachInternetGateway",
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "CreateLaunchTemplateVersion",
    "CreateRoute",
    "DeleteInternetGateway",
    "DeleteLaunchTemplate",
    "DeleteLaunchTemplateVersions",
    "DeleteNatGateway",
    "DeleteRoute",
    "DeleteRouteTable",
    "DeleteSecurityGroup",
    "DeleteSubnet",
    "DeleteTags",
    "DeleteVpc",
    "DeleteVpcEndpoints",
    "DetachInternetGateway",
    "DisassociateAddress",
    "DisassociateRouteTable",
    "ModifyLaunchTemplate",
    "ModifySubnetAttribute",
    "ModifyVpcAttribute",
    "ModifyVpcEndpoint",
    "ReleaseAddress",
    "ReplaceRoute",
    "RevokeSecurityGroupEgress",
    "RevokeSecurityGroupIngress",
)
SEEN_IN_EC2 = (
    "AccountAttributes",
    "Addresses",
    "AddressesAttribute",
    "AvailabilityZones",
    "InternetGateways",
    "LaunchTemplateVersions",
    "LaunchTemplates",
    "NatGateways",
    "NetworkAcls",
    "NetworkInterfaces",
    "PrefixLists",
    "RouteTables",
    "SecurityGroupRules",
    "SecurityGroups",
    "Subnets",
    "Tags",
    "VpcAttribute",
    "VpcEndpoints",
    "Vpcs",
)
ROLE_NAMES = ("autoscaler-*", "cluster-*")
"""What the names of the program's roles and instance profiles begin with."""
PASSED_TO = ("ec2.amazonaws.com", "eks.amazonaws.com", "pods.eks.amazonaws.com")
SERVICE_LINKED = ("autoscaling", "eks", "eks-nodegroup", "spot")
ROLE_CHANGES = (
    "AttachRolePolicy",
    "DeleteRole",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePolicy",
    "TagRole",
    "UntagRole",
    "UpdateAssumeRolePolicy",
    "UpdateRole",
    "UpdateRoleDescription",
)
ROLE_LOOKS = (
    "GetRole",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "ListInstanceProfilesForRole",
    "ListRolePolicies",
    "ListRoleTags",
)
PROFILE_CHANGES = (
    "AddRoleToInstanceProfile",
    "DeleteInstanceProfile",
    "GetInstanceProfile",
    "RemoveRoleFromInstanceProfile",
    "TagInstanceProfile",
    "UntagInstanceProfile",
)
KEY_CHANGES = (
    "CreateGrant",
    "DescribeKey",
    "EnableKeyRotation",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "ListResourceTags",
    "PutKeyPolicy",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateKeyDescription",
)
EKS_KINDS = ("AccessEntry", "Addon", "Nodegroup", "PodIdentityAssociation")
