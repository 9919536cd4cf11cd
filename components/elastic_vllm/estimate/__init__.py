"""Arithmetic on a stack: cost, packing, memory, step time. Pure."""
