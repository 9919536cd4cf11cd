"""The error of the recorder."""


class ProgramError(Exception):
    """A program cannot be recorded; the message is for a person and holds no secret.

    Not a ``ValueError``: the Pulumi SDK wraps those in text of its own on their way out.
    """
