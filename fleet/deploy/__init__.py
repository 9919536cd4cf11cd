"""Deploys a stack's program by the Pulumi CLI, through the Automation API."""

from fleet.deploy.commands import Outcome, destroy, preview, refresh, up

__all__ = ["Outcome", "destroy", "preview", "refresh", "up"]
