"""Qwen3-VL in a Pulumi program of your own, on GPU nodes of your own."""

import pulumi
import pulumi_kubernetes

from elastic_vllm.clouds import Placement
from elastic_vllm.hpa_policy import HpaPolicy, HpaPolicyArgs
from elastic_vllm.serving_namespace import ServingNamespace, ServingNamespaceArgs
from elastic_vllm.spec import ModelSpec
from elastic_vllm.vllm_deployment import VllmDeployment, VllmDeploymentArgs

kubeconfig = pulumi.Config().require("kubeconfig")
mine = pulumi.ResourceOptions(providers=[pulumi_kubernetes.Provider("mine", kubeconfig=kubeconfig)])
taint = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
l4 = Placement(accelerator="l4", node_selector={"gpu": "l4"}, tolerations=[taint])
chat = ModelSpec(name="chat", checkpoint="Qwen/Qwen3-VL-8B-Instruct-FP8", pool="l4")

space = ServingNamespace("serving", ServingNamespaceArgs(namespace="inference"), mine).namespace
vllm = VllmDeployment("chat", VllmDeploymentArgs(namespace=space, model=chat, placement=l4), mine)
HpaPolicy("chat", HpaPolicyArgs(namespace=space, target=vllm.deployment_name, model=chat), mine)
pulumi.export("endpoint", vllm.endpoint)
