"""Everything a gateway is configured with, and how its parts refer to one another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.core.config.certificates import CertificatesConfig
from agent.core.config.ike import IkeConfig
from agent.core.config.interfaces import EsInterface, InterfaceFamily, Unit
from agent.core.config.ipsec import SecurityAssociationConfig
from agent.core.identifiers import Address, kept


@dataclass(frozen=True, slots=True)
class UnitReference:
    """A unit that names a security association."""

    interface: EsInterface
    unit: Unit

    @property
    def name(self) -> str:
        """The name of the logical interface, such as es-1/3/0.0."""
        return f"{self.interface.name}.{self.unit.id}"

    def is_up(self, sa_name: str) -> bool:
        """Whether a family that names the security association is enabled, and the interface is."""
        return self.interface.enabled and any(family.enabled for family in self._naming(sa_name))

    def ip_version(self, sa_name: str) -> int:
        """Return the IP version of the traffic within: 4, unless only IPv6 is protected by the security association."""
        inet = self.unit.inet
        return 4 if inet is not None and inet.enabled and inet.ipsec_sa == sa_name else 6

    def _naming(self, sa_name: str) -> tuple[InterfaceFamily, ...]:
        return tuple(family for family in self.unit.families if family.ipsec_sa == sa_name)


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """Everything a gateway is configured with."""

    name: str
    addresses: tuple[Address, ...]
    ike: IkeConfig = field(default_factory=IkeConfig)
    security_associations: tuple[SecurityAssociationConfig, ...] = ()
    interfaces: tuple[EsInterface, ...] = ()
    certificates: CertificatesConfig = field(default_factory=CertificatesConfig)
    local_addresses: tuple[Address, ...] = field(init=False, repr=False, compare=False)
    """Every address the gateway has: its own, and the sources of its tunnels."""
    references: Mapping[str, UnitReference] = field(init=False, repr=False, compare=False)
    """The unit that names each security association that one names."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "addresses", tuple(map(kept, self.addresses)))
        tunnels = (unit.tunnel for interface in self.interfaces for unit in interface.units)
        sources = (tunnel.source for tunnel in tunnels if tunnel is not None)
        object.__setattr__(self, "local_addresses", tuple(dict.fromkeys((*self.addresses, *sources))))
        references = {name: reference for name, reference in self.each_reference()}
        object.__setattr__(self, "references", MappingProxyType(references))

    def each_reference(self) -> Iterator[tuple[str, UnitReference]]:
        """Yield each security association that a family names, with the family's unit."""
        for interface in self.interfaces:
            for unit in interface.units:
                for family in unit.families:
                    if family.ipsec_sa is not None:
                        yield family.ipsec_sa, UnitReference(interface, unit)
