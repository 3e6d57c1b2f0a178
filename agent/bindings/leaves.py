"""Leaves of the configuration as the values of core, and instants of core as leaves."""

from __future__ import annotations

from enum import Enum
from typing import Final

from agent.core.identifiers import Address
from agent.datastore.date_and_time import date_and_time
from agent.datastore.registry import Unseal
from agent.datastore.tree import Branch

IPV4: Final = 4


def required(branch: Branch, name: str) -> str:
    """Return a leaf that the schema makes mandatory or gives a default; ValueError when it is missing all the same."""
    value = branch.leaf(name)
    if value is None:
        raise ValueError(f"{name!r} is missing")
    return value


def key_octets(branch: Branch, name: str, unseal: Unseal) -> bytes:
    """Return the octets of a key that is given by a choice of `ascii-text` and `hexadecimal` in a container."""
    key = branch.container(name)
    if key is None:
        raise ValueError(f"{name!r} is missing")
    if (ascii_text := key.leaf("ascii-text")) is not None:
        return unseal(key.node("ascii-text"), ascii_text).encode()
    return bytes.fromhex(unseal(key.node("hexadecimal"), required(key, "hexadecimal")))


def instant(at: int | None) -> str | None:
    """Return the text of a device time in microseconds; None for an event that has not been."""
    return date_and_time(at) if at is not None else None


def address_text(address: Address | None) -> str | None:
    """Return the text of an address, None for none."""
    if address is None or address.version != IPV4:
        return None if address is None else str(address)
    number = int(address)  # Spelled out: each SA shows addresses, and this takes half the time.
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def word(member: Enum | None) -> str | None:
    """Return the text that a member of an enumeration stands for; None for none."""
    text: str | None = None if member is None else member._value_  # `value` is a call for each, and costs more.
    return text


def decimal(number: float, digits: int = 3) -> str:
    """Return the canonical text of a decimal64 with so many fraction digits (RFC 7950 section 9.3.2)."""
    whole, _, fraction = f"{number:.{digits}f}".partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"
