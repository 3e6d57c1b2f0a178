"""ipsec-agent-interfaces over ietf-interfaces: encryption services PICs and the tunnels of their units.

Interfaces of another type belong to modules of the user's own: they are kept and validated, and mean nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface
from typing import Final

from agent.bindings.leaves import instant, required
from agent.core import events
from agent.core.config import EsInterface, InterfaceFamily, Unit, UnitTunnel
from agent.core.device import Device
from agent.core.pic.interface import InterfaceState, InterfaceStatistics, OperStatus, UnitState
from agent.datastore.registry import (
    Bindings,
    Built,
    ChangeBinding,
    ConfigBinding,
    StateContainer,
    StateList,
    Unseal,
    Value,
    kept,
    snapshot,
)
from agent.datastore.tree import Branch, Key

MODULE: Final = "ipsec-agent-interfaces"
IETF_INTERFACES: Final = "ietf-interfaces"
ROOT: Final = f"/{IETF_INTERFACES}:interfaces"
INTERFACE: Final = f"{ROOT}/interface"
UNIT: Final = f"{INTERFACE}/{MODULE}:unit"
UNITS: Final = f"{MODULE}:unit"
ES_PIC: Final = f"{MODULE}:es-pic"
COUNTER32: Final = 2**32
"""Where a counter of ietf-interfaces begins anew that has 32 bits only."""


def build_interfaces(branch: Branch, unseal: Unseal) -> tuple[EsInterface, ...]:
    """Return the encryption services PICs in the order of their list."""
    return tuple(_interface(entry, _units(entry)) for entry in _es_pics(branch).values())


def rebuild_interfaces(branch: Branch, unseal: Unseal, before: Built) -> tuple[EsInterface, ...]:
    """Do the same; PICs and units that have not changed are those of before."""
    pics = _es_pics(before.branch)
    known = {key: interface for key, interface in zip(pics, _interfaces(before.value), strict=True)}

    def rebuild(key: Key, entry: Branch) -> EsInterface:
        if key not in known:
            return _interface(entry, _units(entry))
        if entry is pics[key]:
            return known[key]
        return _interface(entry, kept(entry.entries(UNITS), pics[key].entries(UNITS), known[key].units, _unit))

    return tuple(rebuild(key, entry) for key, entry in _es_pics(branch).items())


def _es_pics(branch: Branch) -> Mapping[Key, Branch]:
    entries = branch.entries("interface").items()
    return {key: entry for key, entry in entries if required(entry, "type") == ES_PIC}


def _interfaces(value: object) -> tuple[EsInterface, ...]:
    return tuple(each for each in value if isinstance(each, EsInterface)) if isinstance(value, tuple) else ()


def _interface(entry: Branch, units: tuple[Unit, ...]) -> EsInterface:
    options = entry.container(f"{MODULE}:es-options")
    return EsInterface(
        name=required(entry, "name"),
        enabled=required(entry, "enabled") == "true",
        backup_interface=options.leaf("backup-interface") if options is not None else None,
        units=units,
    )


def _units(entry: Branch) -> tuple[Unit, ...]:
    return tuple(_unit(unit) for unit in entry.entries(UNITS).values())


def _unit(entry: Branch) -> Unit:
    return Unit(
        id=int(required(entry, "id")),
        inet=_family(entry.container("family-inet")),
        inet6=_family(entry.container("family-inet6")),
        tunnel=_tunnel(entry.container("tunnel")),
    )


def _family(branch: Branch | None) -> InterfaceFamily | None:
    if branch is None:
        return None
    return InterfaceFamily(
        enabled=required(branch, "enabled") == "true",
        ipsec_sa=branch.leaf("ipsec-sa"),
        addresses=tuple(ip_interface(address) for address in branch.leaf_list("address")),
    )


def _tunnel(branch: Branch | None) -> UnitTunnel | None:
    if branch is None:
        return None
    backup = branch.leaf("backup-destination")
    return UnitTunnel(
        source=ip_address(required(branch, "source")),
        destination=ip_address(required(branch, "destination")),
        backup_destination=ip_address(backup) if backup is not None else None,
    )


@dataclass(frozen=True, slots=True)
class Interfaces:
    """What the bindings take: a device, and the device time since which it counts packets."""

    device: Device
    counted_since: int


@dataclass(frozen=True, slots=True)
class Pic:
    """One encryption services PIC and the device time since which it counts packets."""

    state: InterfaceState
    counted_since: int


def _pics(interfaces: Interfaces) -> Iterator[Pic]:
    return (Pic(state, interfaces.counted_since) for state in snapshot(interfaces.device.interfaces))


def _find_pic(interfaces: Interfaces, key: Key) -> Pic | None:
    state = interfaces.device.interfaces.get(key[0])
    return Pic(state, interfaces.counted_since) if state is not None else None


def _statistics_leaves() -> Mapping[str, Callable[[Pic], Value]]:
    """Return the counters of every interface: errors are what was forged or damaged, discards what is not wanted."""
    return {
        "discontinuity-time": lambda pic: instant(pic.counted_since),
        "in-octets": lambda pic: pic.state.statistics.in_octets,
        "in-unicast-pkts": lambda pic: pic.state.statistics.in_packets,
        "in-discards": lambda pic: pic.state.statistics.in_discards % COUNTER32,
        "in-errors": lambda pic: pic.state.statistics.in_errors % COUNTER32,
        "out-octets": lambda pic: pic.state.statistics.out_octets,
        "out-unicast-pkts": lambda pic: pic.state.statistics.out_packets,
        "out-discards": lambda pic: pic.state.statistics.out_drops % COUNTER32,
    }


def _drop_leaves() -> Mapping[str, Callable[[InterfaceStatistics], Value]]:
    return {
        "replay-drops": lambda counted: counted.replay_drops,
        "authentication-failures": lambda counted: counted.authentication_failures,
        "decryption-failures": lambda counted: counted.decryption_failures,
        "unknown-spi-drops": lambda counted: counted.unknown_spi_drops,
        "policy-drops": lambda counted: counted.policy_drops,
        "no-sa-drops": lambda counted: counted.no_sa_drops,
        "malformed-drops": lambda counted: counted.malformed_drops,
        "sequence-drops": lambda counted: counted.sequence_drops,
        "lifetime-drops": lambda counted: counted.lifetime_drops,
        "too-big-drops": lambda counted: counted.too_big_drops,
        "hop-limit-drops": lambda counted: counted.hop_limit_drops,
    }


def _family_state(name: str, select: Callable[[UnitState], OperStatus | None]) -> StateContainer[UnitState, OperStatus]:
    return StateContainer[UnitState, OperStatus](
        f"{UNIT}/{name}", select, {"oper-status": lambda oper_status: oper_status.value}
    )


INTERFACES: Final = Bindings(
    module=MODULE,
    configs=(ConfigBinding(ROOT, build_interfaces, rebuild_interfaces),),
    states=(
        StateList[Interfaces, Pic](
            INTERFACE,
            _pics,
            _find_pic,
            {"name": lambda pic: pic.state.name, "oper-status": lambda pic: pic.state.oper_status.value},
        ),
        StateContainer[Pic, Pic](f"{INTERFACE}/statistics", lambda pic: pic, _statistics_leaves()),
        StateContainer[Pic, InterfaceStatistics](
            f"{INTERFACE}/{MODULE}:pic-statistics", lambda pic: pic.state.statistics, _drop_leaves()
        ),
        StateList[Pic, UnitState](
            UNIT,
            lambda pic: snapshot(pic.state.units),
            lambda pic, key: pic.state.units.get(int(key[0])),
            {"id": lambda unit: unit.id},
        ),
        _family_state("family-inet", lambda unit: unit.inet),
        _family_state("family-inet6", lambda unit: unit.inet6),
    ),
    changes=(
        ChangeBinding[events.PicStateChanged](
            f"{INTERFACE}/oper-status", events.PicStateChanged, lambda event: ((event.interface,),)
        ),
        ChangeBinding[events.InterfacesChanged](f"{INTERFACE}/oper-status", events.InterfacesChanged),
        *(
            ChangeBinding[events.InterfacesChanged](f"{UNIT}/{family}/oper-status", events.InterfacesChanged)
            for family in ("family-inet", "family-inet6")
        ),
    ),
)
