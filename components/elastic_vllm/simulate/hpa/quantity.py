"""Kubernetes quantities as the autoscaler counts them: whole thousandths, rounded up."""

from decimal import Decimal
from math import ceil

_UNITS = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "Ki": Decimal(1024),
    "Mi": Decimal(1024) ** 2,
    "Gi": Decimal(1024) ** 3,
    "Ti": Decimal(1024) ** 4,
}
_NANO_DIGITS = 6
"""A quantity has no finer digits than nano-units: millionths of a thousandth."""


def milli(quantity: str) -> int:
    """``8`` is 8000, ``500m`` is 500."""
    number = quantity.rstrip("mkMGTKi")
    return ceil(Decimal(number) * _UNITS[quantity[len(number) :]] * 1000)


def whole_milli(value: float) -> int:
    """A measured number of thousandths as the metrics client reads it; noise below nano-units is no digit."""
    return ceil(round(value, _NANO_DIGITS))
