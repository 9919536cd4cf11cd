"""The embedded cluster. ``facts`` needs no SDK; ``cloud`` registers the resources."""
