"""Records what a Pulumi program registers, without an engine."""
