"""A real Kubernetes control plane on one machine, without Docker and without root.

Owns the binaries (built once per user), the processes and their files. Knows nothing of stacks.
"""
