"""Kubernetes quantities in the form the apiserver itself prints, so that nothing differs only in spelling."""


def cores(value: float) -> str:
    """``3`` or ``2500m``."""
    millis = round(value * 1000)
    return str(millis // 1000) if millis % 1000 == 0 else f"{millis}m"


def gibibytes(value: float) -> str:
    """``12Gi`` or ``1536Mi``; a fraction of a MiB is rounded."""
    mebibytes = round(value * 1024)
    return f"{mebibytes // 1024}Gi" if mebibytes % 1024 == 0 else f"{mebibytes}Mi"
