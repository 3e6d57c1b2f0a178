"""Interfaces, and what has gone through them and through the security associations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from agent.core.config import EsInterface, Unit
from agent.core.ipsec.sa import SaStatistics
from agent.core.keying import TunnelSa
from agent.core.pic.interface import InterfaceState, InterfaceStatistics, OperStatus
from agent.datastore.registry import Caller, snapshot
from agent.junos.markup import Element, leaves
from agent.junos.router import Arguments, Refused, Router
from agent.junos.view import View, parted
from agent.junos.views import require_association

WILD: Final = frozenset("*?[")
"""Characters that make a name of interfaces a pattern."""


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """A family of addresses of a logical interface."""

    name: str
    is_up: bool
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InterfaceRow:
    """A PIC, or with a unit a logical interface of it; `statistics` are those of a PIC."""

    name: str
    is_enabled: bool
    is_up: bool
    families: tuple[FamilyRow, ...] = ()
    units: tuple[InterfaceRow, ...] = ()
    statistics: InterfaceStatistics | None = None


def _interfaces(router: Router, caller: Caller, arguments: Arguments) -> Iterable[InterfaceRow]:
    wanted = arguments.get("interface-name", "*")
    device = router.device
    states = device.interfaces
    rows = [_interface(config, states[config.name]) for config in device.config.interfaces]
    if wanted.partition(".")[2]:
        found = [unit for row in rows for unit in row.units if fnmatchcase(unit.name, wanted)]
    else:
        found = [row for row in rows if fnmatchcase(row.name, wanted)]
    if not found and not WILD.intersection(wanted):
        raise Refused(f"device {wanted} not found", "unknown-interface")
    return found


def _interface(config: EsInterface, state: InterfaceState) -> InterfaceRow:
    is_up = state.oper_status is not OperStatus.DOWN
    units = tuple(_unit(config, unit, state) for unit in config.units)
    return InterfaceRow(config.name, config.enabled, is_up, units=units, statistics=state.statistics)


def _unit(config: EsInterface, unit: Unit, state: InterfaceState) -> InterfaceRow:
    shown = state.units[unit.id]
    families = tuple(
        FamilyRow(name, status is OperStatus.UP, tuple(map(str, family.addresses)))
        for name, family, status in (("inet", unit.inet, shown.inet), ("inet6", unit.inet6, shown.inet6))
        if family is not None
    )
    is_up = any(family.is_up for family in families)
    return InterfaceRow(f"{config.name}.{unit.id}", config.enabled, is_up, families)


def _status(is_up: bool) -> str:
    return "up" if is_up else "down"


def _interface_text(rows: Iterable[InterfaceRow], arguments: Arguments) -> Iterator[str]:
    if "terse" in arguments:
        yield "Interface               Admin Link Proto    Local                 Remote"
        for row in rows:
            yield from _terse(row)
    else:
        yield from parted(map(_physical, rows))


def _terse(row: InterfaceRow) -> Iterator[str]:
    head = f"{row.name:<23} {_status(row.is_enabled):<5} {_status(row.is_up):<4}"
    lines = [f"{family.name:<8} {address}".rstrip() for family in row.families for address in family.addresses or ("",)]
    yield f"{head} {lines[0] if lines else ''}".rstrip()
    yield from (f"{'':<34} {line}" for line in lines[1:])
    for unit in row.units:
        yield from _terse(unit)


def _physical(row: InterfaceRow) -> Iterator[str]:
    kind = "Logical" if "." in row.name else "Physical"
    enabled = "Enabled" if row.is_enabled else "Administratively down"
    yield f"{kind} interface: {row.name}, {enabled}, {kind} link is {_status(row.is_up).capitalize()}"
    if row.statistics is not None:
        yield from (f"  {name:<24}: {count}" for name, count in _counters(row.statistics).items())
    for family in row.families:
        yield f"  Protocol {family.name}, {_status(family.is_up).capitalize()}"
        yield from (f"    Local: {address}" for address in family.addresses)
    for unit in row.units:
        yield ""
        yield from (f"  {line}" for line in _physical(unit))


def _counters(counted: InterfaceStatistics) -> dict[str, int]:
    return {
        "Input bytes": counted.in_octets,
        "Output bytes": counted.out_octets,
        "Input packets": counted.in_packets,
        "Output packets": counted.out_packets,
        "Replay drops": counted.replay_drops,
        "Authentication failures": counted.authentication_failures,
        "Decryption failures": counted.decryption_failures,
        "Unknown SPI drops": counted.unknown_spi_drops,
        "Policy drops": counted.policy_drops,
    }


def _tags(counters: dict[str, int]) -> tuple[Element, ...]:
    return leaves({name.lower().replace(" ", "-"): count for name, count in counters.items()})


def _interface_elements(rows: Iterable[InterfaceRow], arguments: Arguments) -> Iterator[Element]:
    is_terse = "terse" in arguments
    return (_interface_element(row, is_terse=is_terse) for row in rows)


def _interface_element(row: InterfaceRow, *, is_terse: bool) -> Element:
    counted = None if is_terse else row.statistics
    status = {"name": row.name, "admin-status": _status(row.is_enabled), "oper-status": _status(row.is_up)}
    traffic = () if counted is None else (Element("traffic-statistics", _tags(_counters(counted))),)
    units = (_interface_element(unit, is_terse=is_terse) for unit in row.units)
    name = "logical-interface" if "." in row.name else "physical-interface"
    return Element(name, (*leaves(status), *traffic, *map(_family, row.families), *units))


def _family(row: FamilyRow) -> Element:
    addresses = (Element("interface-address", leaves({"ifa-local": address})) for address in row.addresses)
    return Element("address-family", (*leaves({"address-family-name": row.name}), *addresses))


INTERFACES: Final = View[InterfaceRow](
    "interface-information", "interface", _interfaces, _interface_text, _interface_elements
)


@dataclass(frozen=True, slots=True)
class TrafficRow:
    """What a security association has carried so far, whichever SAs it had."""

    name: str
    inbound: SaStatistics
    outbound: SaStatistics
    rekeys: int


def _associations(router: Router, caller: Caller, arguments: Arguments) -> Iterable[TrafficRow]:
    configured, name = router.device.security_associations, arguments.get("sa-name")
    if name is None:
        return map(_traffic, snapshot(configured))
    require_association(router.device, name)
    return (_traffic(configured[name]),)


def _traffic(association: TunnelSa) -> TrafficRow:
    return TrafficRow(association.name, association.inbound, association.outbound, association.rekeys)


def _traffic_counters(row: TrafficRow) -> dict[str, int]:
    return {
        "Input bytes": row.inbound.bytes,
        "Output bytes": row.outbound.bytes,
        "Input packets": row.inbound.packets,
        "Output packets": row.outbound.packets,
        "Replay drops": row.inbound.replay_drops,
        "Authentication failures": row.inbound.authentication_failures,
        "Decryption failures": row.inbound.decryption_failures,
        "Rekeys": row.rekeys,
    }


def _traffic_text(rows: Iterable[TrafficRow], arguments: Arguments) -> Iterator[str]:
    return parted(
        (f"Security association: {row.name}", *(f"  {name:<24}: {n}" for name, n in _traffic_counters(row).items()))
        for row in rows
    )


def _traffic_elements(rows: Iterable[TrafficRow], arguments: Arguments) -> Iterator[Element]:
    return (
        Element("ipsec-statistics", (*leaves({"sa-name": row.name}), *_tags(_traffic_counters(row)))) for row in rows
    )


IPSEC_STATISTICS: Final = View[TrafficRow](
    "ipsec-statistics-information", "ipsec", _associations, _traffic_text, _traffic_elements
)


@dataclass(frozen=True, slots=True)
class CountRow:
    """One thing that the IKE engine counts: the kind it is of, its name, how often it was."""

    kind: str
    name: str
    count: int


def _ike_counters(router: Router, caller: Caller, arguments: Arguments) -> Iterator[CountRow]:
    counted = router.device.ike_statistics
    yield CountRow("negotiations", "half-open", counted.half_open)
    for outcome, count in counted.negotiations.items():
        yield CountRow("negotiations", outcome.value, count)
    for reason, count in counted.dropped.items():
        yield CountRow("dropped-packets", reason.value, count)


def _ike_text(rows: Iterable[CountRow], arguments: Arguments) -> Iterator[str]:
    kind = ""
    for row in rows:
        if row.kind != kind:
            kind = row.kind
            yield f"{kind.replace('-', ' ').capitalize()}:"
        yield f"  {row.name.replace('-', ' ').capitalize():<36}: {row.count}"


def _ike_elements(rows: Iterable[CountRow], arguments: Arguments) -> Iterator[Element]:
    return (Element(row.kind, leaves({"name": row.name, "count": row.count})) for row in rows)


IKE_STATISTICS: Final = View[CountRow]("ike-statistics-information", "ike", _ike_counters, _ike_text, _ike_elements)
