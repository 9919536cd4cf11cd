"""The component provider: components of this package for programs in TypeScript, Go, C#, Java and YAML."""

from elastic_vllm.provider.host import main

__all__ = ["main"]
