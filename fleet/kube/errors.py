"""The error of ``fleet.kube``."""


class KubeError(Exception):
    """A cluster cannot be reached, or refused a request; the message is for a person."""
