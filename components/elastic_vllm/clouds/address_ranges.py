"""IPv4 ranges as types of keys: those that may reach a control plane, and those of a private network."""

from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, Field


def _ipv4_range(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError as problem:
        raise ValueError(f"{text!r} is not an IPv4 range: {problem}; write it as in 203.0.113.0/24") from None


INSIDE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
"""Ranges of private networks; 100.64.0.0/10 is shared by carriers and clouds."""
CLASS_E = IPv4Network("240.0.0.0/4")
"""Addresses that only networks inside a cloud use."""


def _public(text: str) -> str:
    given = _ipv4_range(text)
    if given.prefixlen < 8:
        raise ValueError(f"{text} opens the control plane to the world; list the ranges you deploy from")
    if any(given.subnet_of(inside) for inside in INSIDE):
        raise ValueError(
            f"{text} is private, and no private address arrives at the control plane's public address; list "
            "the public addresses that you deploy from, or leave it out"
        )
    return text


def _private(text: str) -> str:
    given = _ipv4_range(text)
    if not any(given.subnet_of(inside) for inside in (*INSIDE, CLASS_E)):
        ranges = ", ".join(map(str, INSIDE))
        raise ValueError(f"{text} is not private; take a part of {ranges} or {CLASS_E}")
    return text


PublicRange = Annotated[str, AfterValidator(_public), Field(examples=["203.0.113.0/24"])]
"""An IPv4 range that may reach a control plane; never the whole internet."""
PrivateRange = Annotated[str, AfterValidator(_private), Field(examples=["10.0.0.0/20"])]
"""An IPv4 range of a VPC."""
