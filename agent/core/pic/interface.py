"""What is shown of an encryption services PIC: whether it and the families of its units are up, and its packets."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from agent.core.config import EsInterface, InterfaceFamily, Unit
from agent.core.events import RedundancyState
from agent.core.ipsec.refusal import DropReason
from agent.core.pic.counters import PicCounters
from agent.core.pic.pic import Pic


class OperStatus(Enum):
    """Whether packets can pass; a PIC that stands by is dormant (RFC 8343), a family never is."""

    UP = "up"
    DOWN = "down"
    DORMANT = "dormant"


@dataclass(frozen=True, slots=True)
class InterfaceStatistics:
    """Packets of a PIC, and those that it dropped: by reason, and by whether they came or were to leave.

    Of those that came, `in_errors` were forged or damaged and `in_discards` not wanted; `out_drops` were to leave.
    `unknown_spi_drops` came with the SPI of no SA, `no_sa_drops` were to leave and had no SA to leave by.
    """

    in_octets: int = 0
    in_packets: int = 0
    out_octets: int = 0
    out_packets: int = 0
    replay_drops: int = 0
    authentication_failures: int = 0
    decryption_failures: int = 0
    unknown_spi_drops: int = 0
    policy_drops: int = 0
    no_sa_drops: int = 0
    malformed_drops: int = 0
    sequence_drops: int = 0
    lifetime_drops: int = 0
    too_big_drops: int = 0
    hop_limit_drops: int = 0
    in_errors: int = 0
    in_discards: int = 0
    out_drops: int = 0


@dataclass(frozen=True, slots=True)
class UnitState:
    """A logical interface; a family that it does not carry is None."""

    id: int
    inet: OperStatus | None
    inet6: OperStatus | None


@dataclass(frozen=True, slots=True)
class InterfaceState:
    """A PIC and its units by their ids."""

    name: str
    oper_status: OperStatus
    units: Mapping[int, UnitState]
    statistics: InterfaceStatistics = InterfaceStatistics()


_ERRORS: Final = (DropReason.AUTHENTICATION, DropReason.DECRYPTION, DropReason.MALFORMED)
_OPER_STATUS: Final[Mapping[RedundancyState, OperStatus]] = MappingProxyType(
    {
        RedundancyState.ACTIVE: OperStatus.UP,
        RedundancyState.STANDBY: OperStatus.DORMANT,
        RedundancyState.OFFLINE: OperStatus.DOWN,
    }
)


def interface_state(pic: Pic, carried: EsInterface) -> InterfaceState:
    """Return the state of a PIC; its units are as they are carried, if need be by another one."""
    units = {unit.id: _unit_state(unit, is_up=carried.enabled) for unit in carried.units}
    return InterfaceState(pic.name, _OPER_STATUS[pic.state], MappingProxyType(units), _statistics(pic.counters))


def _statistics(counters: PicCounters) -> InterfaceStatistics:
    errors = sum(counters.in_drops[reason] for reason in _ERRORS)
    return InterfaceStatistics(
        in_octets=counters.in_octets,
        in_packets=counters.in_packets,
        out_octets=counters.out_octets,
        out_packets=counters.out_packets,
        replay_drops=counters.dropped(DropReason.REPLAY),
        authentication_failures=counters.dropped(DropReason.AUTHENTICATION),
        decryption_failures=counters.dropped(DropReason.DECRYPTION),
        unknown_spi_drops=counters.in_drops[DropReason.NO_SA],
        policy_drops=counters.dropped(DropReason.POLICY),
        no_sa_drops=counters.out_drops[DropReason.NO_SA],
        malformed_drops=counters.dropped(DropReason.MALFORMED),
        sequence_drops=counters.dropped(DropReason.SEQUENCE_EXHAUSTED),
        lifetime_drops=counters.dropped(DropReason.LIFETIME),
        too_big_drops=counters.dropped(DropReason.TOO_BIG),
        hop_limit_drops=counters.dropped(DropReason.HOPS_EXCEEDED),
        in_errors=errors,
        in_discards=sum(counters.in_drops.values()) - errors,
        out_drops=sum(counters.out_drops.values()),
    )


def _unit_state(unit: Unit, *, is_up: bool) -> UnitState:
    return UnitState(unit.id, _family_status(unit.inet, is_up=is_up), _family_status(unit.inet6, is_up=is_up))


def _family_status(family: InterfaceFamily | None, *, is_up: bool) -> OperStatus | None:
    return None if family is None else _status(is_up and family.enabled)


def _status(is_up: bool) -> OperStatus:
    return OperStatus.UP if is_up else OperStatus.DOWN
