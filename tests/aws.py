"""The AWS stacks, run by the recorder as an update would: what AWS would answer is made up, and fixed."""

import json
import runpy
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from elastic_vllm.catalog import MachineRow, accelerators
from elastic_vllm.clouds.aws import image
from elastic_vllm.stack_file.config import PROJECT
from elastic_vllm.testing.monitor import Applied, run
from elastic_vllm.testing.registration import Graph, Registration
from fleet.deploy.program import read_config
from tests.manifests import normalised

ROOT = Path(__file__).parents[1]
STACKS = ("aws-dev", "aws-prod")
"""Those that make their own network and cluster."""
EXISTING = "aws-existing"
"""The stack on a cluster and in a network that exist."""
EVERY = (*STACKS, EXISTING)
ASG_SUFFIX = "01234567-89ab-cdef-0123-456789abcdef"
"""What EKS ends the name of an Auto Scaling group with."""
CANARY = "sk-canary-9b1d"
HUB_CANARY = "hf_canary5e0c"
ACCOUNT = "111122223333"
MANAGED = {"cloud": "aws", "region": "eu-central-1", "nodeAutoscaler": "cluster-autoscaler"}
"""A cluster whose GPU nodes are managed node groups."""
SERVICES = {"cloudwatch": "events"}
"""Packages that AWS calls otherwise in its ARNs."""


def answer(item: Registration) -> Applied:
    """Every resource is made at once, and gets what the program reads back of it."""
    package, _, rest = item.type.partition(":")
    if package != "aws":
        return Applied(id=item.name, outputs=item.inputs)
    service = rest.partition("/")[0]
    made: dict[str, object] = {
        "arn": f"arn:aws:{SERVICES.get(service, service)}:eu-central-1:{ACCOUNT}:{item.name}",
        "name": item.name,
        "url": f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/{item.name}",
        "latestVersion": 1,
        **item.inputs,
    }
    if item.type == "aws:eks/cluster:Cluster":
        made |= {
            "endpoint": "https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com",
            "certificateAuthority": {"data": "Y2E="},
            "vpcConfig": {**_mapping(item.inputs["vpcConfig"]), "clusterSecurityGroupId": "sg-0cluster"},
        }
    if item.type == "aws:eks/nodeGroup:NodeGroup":
        behind = f"eks-{item.name}-0123abc-{ASG_SUFFIX}"
        made["resources"] = [{"autoscalingGroups": [{"name": behind}]}]
    if item.type == "aws:s3/bucket:Bucket":
        made |= {"arn": f"arn:aws:s3:::{item.name}-0123abc", "bucket": f"{item.name}-0123abc"}
    return Applied(id=_id(item), outputs=made)


def _id(item: Registration) -> str:
    """As AWS would have it where a CRD asks for the form."""
    if item.type == "aws:ec2/subnet:Subnet":
        return "subnet-" + "".join(letter for letter in item.name if letter.isalnum())
    return item.name


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value


def execute(stack: str, *, preview: bool = False, **sections: object) -> Graph:
    """The whole program for a committed stack file, with keys for its models and some sections replaced."""
    config, secret_keys = read_config(ROOT / "stacks" / f"Pulumi.{stack}.yaml")
    keys = {"chat": CANARY, "expert": CANARY}
    given = {f"{PROJECT}:{name}": json.dumps(value) for name, value in sections.items()}
    return run(
        lambda: runpy.run_path(str(ROOT / "__main__.py")),
        preview=preview,
        config={
            **config,
            f"{PROJECT}:apiKeys": json.dumps(keys),
            f"{PROJECT}:hubToken": HUB_CANARY,
            **given,
        },
        secret_keys=[*secret_keys, f"{PROJECT}:apiKeys", f"{PROJECT}:hubToken"],
        provider=None if preview else answer,
        stack=stack,
    )


def recorded(stack: str, **sections: object) -> Graph:
    """The same, executed once for all tests that only read."""
    return _recorded(stack, json.dumps(sections))


@cache
def _recorded(stack: str, sections: str) -> Graph:
    return execute(stack, **json.loads(sections))


def reviewed(graph: Graph) -> str:
    """The graph as the golden file has it."""
    return normalised(graph, Path("no such file"))


def drivable(drawn: tuple[dict[str, object], MachineRow]) -> bool:
    """Whether the nodes' image has a driver for the machine's GPUs."""
    return accelerators()[drawn[1].accelerator].driver_branch <= image.DRIVER_BRANCH
