"""Google Kubernetes Engine. ``facts`` needs no SDK; ``cloud`` registers the resources."""
