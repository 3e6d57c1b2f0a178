"""What can be given for a parameter: what is known of the device, for completion, and what a value looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final

from agent.junos.command import Kind
from agent.junos.router import Router

Known = Callable[[Router], Iterator[str]]
GREATEST_NUMBER: Final = 100_000
_NAME: Final = 255
"""How many characters a name has at most."""


def _peers(router: Router) -> Iterator[str]:
    addresses = (policy.peer_address for policy in router.device.config.ike.policies)
    return map(str, dict.fromkeys((*addresses, *(sa.remote.address for sa in router.device.ike_sas.values()))))


def _associations(router: Router) -> Iterator[str]:
    return iter(router.device.security_associations)


def _tunnels(router: Router) -> Iterator[str]:
    return iter(router.device.tunnel_redundancy)


def _pics(router: Router) -> Iterator[str]:
    return iter(router.device.pics)


def _interfaces(router: Router) -> Iterator[str]:
    for interface in router.device.config.interfaces:
        yield interface.name
        yield from (f"{interface.name}.{unit.id}" for unit in interface.units)


def _serials(router: Router) -> Iterator[str]:
    return (str(entry.certificate.serial) for entry in router.device.certificates.certificates())


def _issuers(router: Router) -> Iterator[str]:
    return (entry.crl.issuer.text for entry in router.device.certificates.crls())


def _slots(position: int) -> Known:
    def slots(router: Router) -> Iterator[str]:
        parts = [name.removeprefix("es-").split("/")[position] for name in router.device.pics]
        return iter(dict.fromkeys(parts))

    return slots


KNOWN: Final[Mapping[Kind, Known]] = MappingProxyType(
    {
        Kind.PEER: _peers,
        Kind.ASSOCIATION: _associations,
        Kind.TUNNEL: _tunnels,
        Kind.INTERFACE: _pics,
        Kind.INTERFACES: _interfaces,
        Kind.SERIAL: _serials,
        Kind.ISSUER: _issuers,
        Kind.FPC: _slots(0),
        Kind.PIC: _slots(1),
    }
)
"""What the device has of each kind of thing that has names."""


def known(kind: Kind, router: Router | None) -> Iterable[str]:
    """Return the values of a kind that the device knows; of a device that is somewhere else nothing is known."""
    values = KNOWN.get(kind)
    return values(router) if values is not None and router is not None else ()


def _is_address(text: str) -> bool:
    try:
        return "%" not in text and ip_address(text) is not None
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(GREATEST_NUMBER)) and int(text) <= GREATEST_NUMBER


def _is_serial(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _NAME


CHECKS: Final[Mapping[Kind, tuple[Callable[[str], bool], str]]] = MappingProxyType(
    {
        Kind.PEER: (_is_address, "invalid ip address"),
        Kind.SERIAL: (_is_serial, "invalid serial number"),
        Kind.FPC: (_is_number, "invalid number"),
        Kind.PIC: (_is_number, "invalid number"),
        Kind.NUMBER: (_is_number, "invalid number"),
    }
)
"""What a value must look like, and what is said of one that does not."""


def fault(kind: Kind, text: str) -> str | None:
    """Return what is wrong with a value by its look; None for one that can be."""
    if len(text) > _NAME:
        return "value is too long"
    looks, complaint = CHECKS.get(kind, (bool, "value is missing"))
    return None if looks(text) else f"{complaint}: '{text}'"
