"""The embedded engine: deploys a stack's program to the embedded cluster without the Pulumi CLI.

``up``, ``preview`` and ``destroy`` are all that a caller needs; the other modules are their parts.
"""

from fleet.embedded.engine.commands import Outcome, destroy, members, owner, preview, up

__all__ = ["Outcome", "destroy", "members", "owner", "preview", "up"]
