"""Amazon EKS. ``facts`` needs no SDK; ``cloud`` registers the resources."""
