"""News of machines that AWS takes back: EventBridge queues it, Karpenter reads it and drains first."""

import json
from collections.abc import Mapping

import pulumi
from pulumi_aws import cloudwatch, sqs

from elastic_vllm.clouds.aws import naming

KEPT_SECONDS = 300
"""A Spot machine goes two minutes after the news: older news is of no use."""
NEWS = {
    "capacity-reservation": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
    "health": ("aws.health", "AWS Health Event"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "spot": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "state-change": ("aws.ec2", "EC2 Instance State-change Notification"),
}
"""The source and kind of each event that Karpenter acts on."""


def queue(
    name: str, queue_name: str, opts: pulumi.ResourceOptions
) -> tuple[sqs.Queue, list[pulumi.Resource]]:
    """Register the queue, and the rules that fill it."""
    registered = sqs.Queue(
        name,
        name=queue_name,
        message_retention_seconds=KEPT_SECONDS,
        sqs_managed_sse_enabled=True,
        opts=opts,
    )
    rules = {
        kind: cloudwatch.EventRule(
            f"{name}-{kind}",
            name=naming.owned(pulumi.get_stack(), f"{name}-{kind}"),
            event_pattern=pattern(kind),
            opts=opts,
        )
        for kind in NEWS
    }
    targets = [
        cloudwatch.EventTarget(f"{name}-{kind}", rule=rule.name, arn=registered.arn, opts=opts)
        for kind, rule in rules.items()
    ]
    policy = sqs.QueuePolicy(
        name,
        queue_url=registered.url,
        policy=pulumi.Output.json_dumps(
            queue_policy(registered.arn, {kind: rule.arn for kind, rule in rules.items()})
        ),
        opts=opts,
    )
    return registered, [*targets, policy]


def pattern(kind: str) -> str:
    """Which events a rule takes, as EventBridge reads it."""
    source, detail = NEWS[kind]
    return json.dumps({"detail-type": [detail], "source": [source]}, sort_keys=True)


def queue_policy(
    queue_arn: pulumi.Input[str], rule_arns: Mapping[str, pulumi.Input[str]]
) -> Mapping[str, object]:
    """Only our rules may send, and only over TLS."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AllowOwnedEventRules",
                "Effect": "Allow",
                "Principal": {"Service": ["events.amazonaws.com"]},
                "Action": ["sqs:SendMessage"],
                "Resource": [queue_arn],
                "Condition": {"ArnEquals": {"aws:SourceArn": [*rule_arns.values()]}},
            },
            {
                "Sid": "DenyInsecureTransport",
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["sqs:*"],
                "Resource": [queue_arn],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }
