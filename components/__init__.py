"""Pulumi components that serve Qwen3-VL on vLLM. Nothing is imported here: a spec needs no Pulumi."""
