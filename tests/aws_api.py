"""What the AWS provider would ask of AWS for a planned resource, checked against AWS's own service models.

The models are those that ``botocore`` publishes. Each mapping takes its inputs out of a copy: one that
nothing takes is an error, so that a new input has to be mapped before it can be planned.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import Loader  # type: ignore[import-untyped]  # botocore ships no types
from botocore.model import ServiceModel  # type: ignore[import-untyped]  # likewise

from elastic_vllm.testing.registration import Registration
from tests import aws_s3
from tests.manifests import plain

Given = dict[str, Any]  # a resource's inputs, as deep as AWS likes
OF_A_POOL = {"capacityReservationSpecification", "instanceMarketOptions", "instanceType", "userData"}
"""What launch templates of GPU nodes have besides."""
SURROGATES = ("\\uD800\\uDC00-\\uDBFF\\uDFFF", "\\U00010000-\\U0010FFFF")
"""All beyond the basic plane, as Java's patterns have it and as Python's do."""
SUFFIX = "-0123abc"
"""Pulumi ends a name that the program does not choose with such a one."""


@dataclass(frozen=True)
class Call:
    """One call of the API."""

    service: str
    operation: str
    parameters: Mapping[str, object]


class UnmappedError(AssertionError):
    """A type, or an input, that no mapping here knows."""


def calls(item: Registration) -> list[Call]:
    """The calls that make this resource; fails on any input that none of them carries."""
    mapping = MAPPINGS.get(item.type)
    if mapping is None:
        raise UnmappedError(f"{item.type} has no mapping to the API")
    given = plain(dict(item.inputs))
    found = list(mapping(item.name + SUFFIX, given))
    if given:
        raise UnmappedError(f"{item.name}: nothing carries {sorted(given)} to the API")
    return found


def problems(call: Call) -> list[str]:
    """What AWS's model of the operation has against the parameters."""
    shape = _model(call.service).operation_model(call.operation).input_shape
    return list(_problems(shape, call.parameters, call.operation))


@cache
def _model(service: str) -> Any:  # Any: botocore ships no types
    return ServiceModel(Loader().load_service_model(service, "service-2"))


TYPES = {
    "boolean": bool,
    "integer": int,
    "long": int,
    "string": str,
    "list": list,
    "map": dict,
    "structure": dict,
}


def _problems(shape: Any, value: Any, at: str) -> Iterator[str]:  # Any: as above
    expected = TYPES[shape.type_name]
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        yield f"{at}: {value!r} is no {shape.type_name}"
        return
    enum = getattr(shape, "enum", None)
    if enum and value not in enum:
        yield f"{at}: {value!r} is none of {enum}"
    yield from _out_of_bounds(shape, value, at)
    yield from _inside(shape, value, at)


def _inside(shape: Any, value: Any, at: str) -> Iterator[str]:  # Any: as above
    if shape.type_name == "structure":
        yield from (f"{at}: misses {name}" for name in shape.required_members if name not in value)
        yield from (f"{at}: has no {name}" for name in value if name not in shape.members)
        for name in value.keys() & shape.members.keys():
            yield from _problems(shape.members[name], value[name], f"{at}.{name}")
    elif shape.type_name == "list":
        for index, member in enumerate(value):
            yield from _problems(shape.member, member, f"{at}[{index}]")
    elif shape.type_name == "map":
        for name, member in value.items():
            yield from _problems(shape.key, name, f"{at}.{name}")
            yield from _problems(shape.value, member, f"{at}.{name}")


def _out_of_bounds(shape: Any, value: Any, at: str) -> Iterator[str]:  # Any: as above
    rules = shape.metadata
    size = value if isinstance(value, int) else len(value)
    if size < rules.get("min", size) or size > rules.get("max", size):
        yield f"{at}: {value!r} is out of {rules.get('min')} to {rules.get('max')}"
    pattern = rules.get("pattern", "").replace(*SURROGATES)
    if pattern and isinstance(value, str) and not re.fullmatch(pattern, value):
        yield f"{at}: {value!r} does not match {pattern}"


def _cluster(name: str, given: Given) -> Iterator[Call]:
    logging = [{"types": given.pop("enabledClusterLogTypes"), "enabled": True}]
    yield Call(
        "eks",
        "CreateCluster",
        {
            "resourcesVpcConfig": given.pop("vpcConfig"),
            "logging": {"clusterLogging": logging},
            "encryptionConfig": [given.pop("encryptionConfig")],
            **_same(given, "name", "version", "roleArn", "accessConfig", "bootstrapSelfManagedAddons"),
            **_same(given, "controlPlaneScalingConfig", "kubeControllerManagerConfig", "upgradePolicy"),
            **_same(given, "deletionProtection"),
        },
    )


def _node_group(name: str, given: Given) -> Iterator[Call]:
    yield Call(
        "eks",
        "CreateNodegroup",
        {
            "nodegroupName": name,
            "nodeRole": given.pop("nodeRoleArn"),
            "subnets": given.pop("subnetIds"),
            **_same(given, "clusterName", "amiType", "capacityType", "instanceTypes", "launchTemplate"),
            **_same(given, "nodeRepairConfig", "scalingConfig", "updateConfig", "version"),
            **_same(given, "labels", "taints"),
        },
    )


def _addon(name: str, given: Given) -> Iterator[Call]:
    both = {key: given[key] for key in ("clusterName", "addonName")}
    again = {**both, "resolveConflicts": given.pop("resolveConflictsOnUpdate")}
    yield Call("eks", "UpdateAddon", again)
    first = {"resolveConflicts": given.pop("resolveConflictsOnCreate")}
    rest = _same(given, "clusterName", "addonName", "configurationValues", "podIdentityAssociations")
    yield Call("eks", "CreateAddon", {**first, **rest})


def _key(name: str, given: Given) -> Iterator[Call]:
    yield Call("kms", "CreateKey", {"Description": given.pop("description")})
    assert given.pop("enableKeyRotation") is True
    yield Call("kms", "EnableKeyRotation", {"KeyId": name})
    window = given.pop("deletionWindowInDays")
    yield Call("kms", "ScheduleKeyDeletion", {"KeyId": name, "PendingWindowInDays": window})


def _queue(name: str, given: Given) -> Iterator[Call]:
    attributes = {
        "MessageRetentionPeriod": str(given.pop("messageRetentionSeconds")),
        "SqsManagedSseEnabled": str(given.pop("sqsManagedSseEnabled")).lower(),
    }
    yield Call("sqs", "CreateQueue", {"QueueName": given.pop("name"), "Attributes": attributes})


def _queue_policy(name: str, given: Given) -> Iterator[Call]:
    policy = {"Policy": given.pop("policy")}
    yield Call("sqs", "SetQueueAttributes", {"QueueUrl": given.pop("queueUrl"), "Attributes": policy})


def _target(name: str, given: Given) -> Iterator[Call]:
    targets = [{"Id": name, "Arn": given.pop("arn")}]
    yield Call("events", "PutTargets", {"Rule": given.pop("rule"), "Targets": targets})


def _log_group(name: str, given: Given) -> Iterator[Call]:
    group = {"logGroupName": given.pop("name")}
    yield Call("logs", "CreateLogGroup", group)
    kept = given.pop("retentionInDays")
    yield Call("logs", "PutRetentionPolicy", {**group, "retentionInDays": kept})


def _profile(name: str, given: Given) -> Iterator[Call]:
    profile = {"InstanceProfileName": given.pop("name", name)}
    yield Call("iam", "CreateInstanceProfile", profile)
    yield Call("iam", "AddRoleToInstanceProfile", {**profile, "RoleName": given.pop("role")})


def _launch_template(name: str, given: Given) -> Iterator[Call]:
    disks = given.pop("blockDeviceMappings")
    for disk in disks:  # typed as text in the SDK, as booleans at AWS
        for key in {"encrypted", "deleteOnTermination"} & disk["ebs"].keys():
            disk["ebs"][key] = {"true": True, "false": False}[disk["ebs"][key]]
    tags = [
        {"ResourceType": tagged["resourceType"], "Tags": _tags(tagged["tags"])}
        for tagged in given.pop("tagSpecifications")
    ]
    assert given.pop("updateDefaultVersion") is True
    data = {
        "BlockDeviceMappings": _capital(disks),
        "MetadataOptions": _capital(given.pop("metadataOptions")),
        "TagSpecifications": tags,
        **{key[0].upper() + key[1:]: _capital(given.pop(key)) for key in OF_A_POOL & given.keys()},
    }
    yield Call("ec2", "CreateLaunchTemplate", {"LaunchTemplateName": name, "LaunchTemplateData": data})


def _group_tag(name: str, given: Given) -> Iterator[Call]:
    tag = {"ResourceId": given.pop("autoscalingGroupName"), "ResourceType": "auto-scaling-group"}
    yield Call("autoscaling", "CreateOrUpdateTags", {"Tags": [{**tag, **_capital(given.pop("tag"))}]})


def _renamed(service: str, operation: str, named: str | None, **keys: str) -> Callable[..., Iterator[Call]]:
    """A call that carries inputs under other names; ``named`` is the parameter of a generated name."""

    def mapping(name: str, given: Given) -> Iterator[Call]:
        parameters = {theirs: given.pop(ours) for ours, theirs in keys.items() if ours in given}
        yield Call(service, operation, {**({named: name} if named else {}), **parameters})

    return mapping


def _s3(type_token: str) -> Callable[..., Iterator[Call]]:
    return lambda name, given: (Call(*asked) for asked in aws_s3.MAPPINGS[type_token](name, given))


def _eks(operation: str, *keys: str) -> Callable[..., Iterator[Call]]:
    return _renamed("eks", operation, None, **{key: key for key in ("clusterName", *keys)})


def _same(given: Given, *keys: str) -> Given:
    return {key: given.pop(key) for key in keys if key in given}


def _capital(value: Any) -> Any:  # Any: a tree of AWS's own
    if isinstance(value, list):
        return [_capital(item) for item in value]
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: _capital(item) for key, item in value.items()}
    return value


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


MAPPINGS: Mapping[str, Callable[[str, Given], Iterator[Call]]] = {
    "aws:autoscaling/tag:Tag": _group_tag,
    "aws:cloudwatch/eventRule:EventRule": _renamed(
        "events", "PutRule", None, name="Name", eventPattern="EventPattern"
    ),
    "aws:cloudwatch/eventTarget:EventTarget": _target,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:ec2/launchTemplate:LaunchTemplate": _launch_template,
    "aws:eks/accessEntry:AccessEntry": _eks("CreateAccessEntry", "principalArn", "type"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _eks(
        "AssociateAccessPolicy", "principalArn", "policyArn", "accessScope"
    ),
    "aws:eks/addon:Addon": _addon,
    "aws:eks/cluster:Cluster": _cluster,
    "aws:eks/nodeGroup:NodeGroup": _node_group,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _eks(
        "CreatePodIdentityAssociation", "namespace", "serviceAccount", "roleArn"
    ),
    "aws:iam/instanceProfile:InstanceProfile": _profile,
    "aws:iam/role:Role": _renamed(
        "iam",
        "CreateRole",
        None,
        name="RoleName",
        assumeRolePolicy="AssumeRolePolicyDocument",
        permissionsBoundary="PermissionsBoundary",
    ),
    "aws:iam/rolePolicy:RolePolicy": _renamed(
        "iam", "PutRolePolicy", "PolicyName", role="RoleName", policy="PolicyDocument"
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _renamed(
        "iam", "AttachRolePolicy", None, role="RoleName", policyArn="PolicyArn"
    ),
    "aws:kms/key:Key": _key,
    **{type_token: _s3(type_token) for type_token in aws_s3.MAPPINGS},
    "aws:sqs/queue:Queue": _queue,
    "aws:sqs/queuePolicy:QueuePolicy": _queue_policy,
}
