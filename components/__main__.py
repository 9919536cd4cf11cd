"""The component provider as Pulumi's Python host starts it from this folder; see PulumiPlugin.yaml."""

from elastic_vllm.provider import main

main()
