"""Images of Docker Hub, known by their names, and the cache that nodes pull them through instead. Pure."""

PULLS = 100
"""By one address without an account in six hours (https://docs.docker.com/docker-hub/usage, 2025-04)."""


def repository(image: str) -> str | None:
    """The image's path on Docker Hub; None where the name says another registry."""
    host, slash, rest = image.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return repository(rest) if host == "docker.io" else None
    return image if slash else f"library/{image}"


def through(cache: str | None, image: str) -> str:
    """The name by which nodes pull an image: that in the cache where there is one and it is Docker Hub's."""
    path = repository(image)
    return image if cache is None or path is None else f"{cache}/{path}"
