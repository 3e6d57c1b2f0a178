"""What a configuration wants of each security association: whether it is to be, between whom, for what traffic."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_network
from types import MappingProxyType
from typing import Final, NamedTuple

from agent.core.config import (
    DeviceConfig,
    DynamicSa,
    ManualSa,
    SaMode,
    SecurityAssociationConfig,
    TrafficIdentity,
    UnitReference,
)
from agent.core.identifiers import Address

ALL_IPV4: Final = TrafficIdentity(ip_network("0.0.0.0/0"))
ALL_IPV6: Final = TrafficIdentity(ip_network("::/0"))
_NO_REMOTES: Final[Mapping[str, Address]] = MappingProxyType({})


class InterfaceFamilyState(Enum):
    """How a security association is bound to an interface: by a family that is up, one that is down, or by none."""

    UP = "up"
    DOWN = "down"
    NO_REFERENCE = "no-reference"


class Ends(NamedTuple):
    """The two gateways of a tunnel."""

    local: Address
    remote: Address


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted of one security association.

    `interface_family` is None in transport mode, `ends` where there is no tunnel and no pair of addresses.
    """

    config: SecurityAssociationConfig
    interface_family: InterfaceFamilyState | None
    interface: str | None
    ends: Ends | None
    ip_version: int

    @property
    def is_wanted(self) -> bool:
        """Whether packets are to be protected: in transport mode always, in tunnel mode while the family is up."""
        return self.interface_family in (None, InterfaceFamilyState.UP)

    @property
    def dynamic(self) -> DynamicSa | None:
        """The parameters of the negotiation; None for a manual one."""
        keying = self.config.keying
        return keying if isinstance(keying, DynamicSa) else None

    @property
    def demand(self) -> Ends | None:
        """The gateways between which a pair is to be negotiated; None when none is."""
        return self.ends if self.is_wanted and self.dynamic is not None else None

    @property
    def local_identity(self) -> TrafficIdentity:
        """The traffic at this end."""
        return self.identities[0]

    @property
    def remote_identity(self) -> TrafficIdentity:
        """The traffic at the peer's end."""
        return self.identities[1]

    def wants_the_same_as(self, other: "Plan") -> bool:
        """Whether pairs that do for another plan do for this one: the interface may have another name."""
        return self._essence == other._essence

    @property
    def _essence(self) -> tuple[object, ...]:
        return self.config, self.interface_family, self.ends, self.ip_version

    @property
    def identities(self) -> tuple[TrafficIdentity, TrafficIdentity]:
        """The traffic at this end and at the peer's: all of the family, unless it is restricted."""
        dynamic = self.dynamic
        local, remote = (dynamic.local_identity, dynamic.remote_identity) if dynamic is not None else (None, None)
        restricted = local or remote
        version = restricted.network.version if restricted is not None else self.ip_version
        everything = ALL_IPV4 if version == 4 else ALL_IPV6
        return local or everything, remote or everything


def plans(config: DeviceConfig, remotes: Mapping[str, Address] = _NO_REMOTES) -> Mapping[str, Plan]:
    """Return what is wanted of every security association, by name, in the order of the configuration.

    `remotes` are the peers in use, by security association, where that is not simply the destination of the tunnel.
    """
    return {
        each.name: _plan(each, config.references.get(each.name), remotes.get(each.name))
        for each in config.security_associations
    }


def _plan(association: SecurityAssociationConfig, reference: UnitReference | None, remote: Address | None) -> Plan:
    if association.mode is SaMode.TRANSPORT:
        return Plan(association, None, None, _transport_ends(association.keying), 4)
    if reference is None or reference.unit.tunnel is None:
        return Plan(association, InterfaceFamilyState.NO_REFERENCE, None, None, 4)
    is_up = reference.is_up(association.name)
    state = InterfaceFamilyState.UP if is_up else InterfaceFamilyState.DOWN
    tunnel = reference.unit.tunnel
    ends = Ends(tunnel.source, remote or tunnel.destination)
    return Plan(association, state, reference.name, ends, reference.ip_version(association.name))


def _transport_ends(keying: ManualSa | DynamicSa) -> Ends | None:
    if isinstance(keying, DynamicSa) or keying.local_address is None or keying.remote_address is None:
        return None
    return Ends(keying.local_address, keying.remote_address)
