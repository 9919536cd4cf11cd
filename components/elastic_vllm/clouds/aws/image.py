"""Pinned images on EKS: of GPU nodes (Bottlerocket's NVIDIA variant) and of cluster-autoscaler.

Bottlerocket brings the driver, the container toolkit and the **device plugin**: NVIDIA's chart besides it
would register every GPU twice. Versions are pinned: a new one is a change in a review, not a drift at night.
(EKS pins that of a managed node group: the newest when the group is made, and that until it is updated.)
"""

ALIAS = "bottlerocket@v1.68.0"
"""The image of a pool's nodes, as Karpenter names it."""
DRIVER_BRANCH = 580
"""Of that image for Kubernetes up to 1.36; enough for CUDA 13."""
AUTOSCALER_TAGS = {"1.34": "v1.34.4", "1.35": "v1.35.1", "1.36": "v1.36.1"}
"""By the control plane's minor version, whose scheduler it simulates; the chart's own is one behind.

These are also the versions that the program takes: in EKS's standard support on 2026-11-30
(https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html), and no newer than Karpenter's.
"""
