"""What encryption services PICs are configured with: units, their tunnels, and the SAs that protect them."""

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface

from agent.core.identifiers import Address, kept


@dataclass(frozen=True, slots=True)
class UnitTunnel:
    """The two ends of a unit's tunnel, and who stands in for the far one."""

    source: Address
    destination: Address
    backup_destination: Address | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", kept(self.source))
        object.__setattr__(self, "destination", kept(self.destination))
        if self.backup_destination is not None:
            object.__setattr__(self, "backup_destination", kept(self.backup_destination))

    @property
    def destinations(self) -> tuple[Address, ...]:
        """Every far end, the preferred one first."""
        return (self.destination,) if self.backup_destination is None else (self.destination, self.backup_destination)


@dataclass(frozen=True, slots=True)
class InterfaceFamily:
    """One family of addresses of a unit, and the SA that protects its traffic."""

    enabled: bool = True
    ipsec_sa: str | None = None
    addresses: tuple[IPv4Interface | IPv6Interface, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """A logical interface."""

    id: int
    inet: InterfaceFamily | None = None
    inet6: InterfaceFamily | None = None
    tunnel: UnitTunnel | None = None

    @property
    def families(self) -> tuple[InterfaceFamily, ...]:
        """The families that the unit carries."""
        return tuple(family for family in (self.inet, self.inet6) if family is not None)


@dataclass(frozen=True, slots=True)
class EsInterface:
    """An encryption services PIC."""

    name: str
    enabled: bool = True
    backup_interface: str | None = None
    units: tuple[Unit, ...] = ()
