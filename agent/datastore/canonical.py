"""The canonical forms that RFC 6991 defines in words, which no YANG statement can express.

Each function takes a text that the type's patterns allow; ValueError says why it is no value all the same. Where the
device's time zone enters (date-and-time), it is UTC.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

_DATE_AND_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}):(\d{2})(\.\d+)?(Z|[+-]\d{2}:\d{2})")


def ipv6_address(text: str) -> str:
    """RFC 5952: lower case, the longest run of zeros shortened, an IPv4-mapped address in mixed notation."""
    address, percent, zone = text.partition("%")
    return _compressed(ipaddress.IPv6Address(address)) + percent + zone


def _compressed(address: ipaddress.IPv6Address) -> str:
    # Spelled out, since Python versions differ in how they show a mapped address.
    return f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped else address.compressed


def ipv4_prefix(text: str) -> str:
    """The bits beyond the prefix length are zero."""
    return ipaddress.IPv4Network(text, strict=False).compressed


def ipv6_prefix(text: str) -> str:
    """As an IPv6 address, and the bits beyond the prefix length are zero."""
    network = ipaddress.IPv6Network(text, strict=False)
    return f"{_compressed(network.network_address)}/{network.prefixlen}"


def date_and_time(text: str) -> str:
    """In UTC with the offset +00:00; an unknown offset stays -00:00; the fraction of the second is kept as written.

    A leap second becomes the first second of the next minute, as a clock without leap seconds shows it.
    """
    match = _DATE_AND_TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a date and time")
    minute, second, fraction, offset = match.groups(default="")
    try:
        moment = datetime.fromisoformat(minute) + timedelta(seconds=int(second))
        moment = moment.replace(tzinfo=_zone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"'{text}' names no day or hour of the calendar") from None
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + fraction + ("-00:00" if offset == "-00:00" else "+00:00")


def _zone(offset: str) -> timezone:
    if offset == "Z":
        return UTC
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


CANONICAL_FORMS: Mapping[tuple[str, str], Callable[[str], str]] = MappingProxyType(
    {
        ("ietf-inet-types", "ipv6-address"): ipv6_address,
        ("ietf-inet-types", "ipv4-prefix"): ipv4_prefix,
        ("ietf-inet-types", "ipv6-prefix"): ipv6_prefix,
        ("ietf-inet-types", "domain-name"): str.lower,
        ("ietf-yang-types", "date-and-time"): date_and_time,
        ("ietf-yang-types", "phys-address"): str.lower,
        ("ietf-yang-types", "mac-address"): str.lower,
        ("ietf-yang-types", "hex-string"): str.lower,
        ("ietf-yang-types", "uuid"): str.lower,
    }
)
"""By module and typedef. What derives from these types has the same form."""
