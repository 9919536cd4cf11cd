"""What the embedded engine raises."""


class EngineError(Exception):
    """The engine stopped; the message is for a person and holds no secret.

    Not a ``ValueError``: the Pulumi SDK wraps those in text of its own on their way out.
    """
