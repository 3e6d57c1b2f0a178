"""One IPsec SA (RFC 2401 sec. 4.1): protection of packets in one direction, by one SPI or, in a bundle, two."""

from dataclasses import dataclass, field
from enum import Enum

from agent.core.config import Direction, EncryptionAlgorithm, IpsecAuthentication, SaMode
from agent.core.identifiers import Spi
from agent.core.ipsec.lifetime import Lifetime


class SaType(Enum):
    """Where the keys come from."""

    MANUAL = "manual"
    DYNAMIC = "dynamic"


class SaProtocol(Enum):
    """What protects the packets; AH+ESP is a bundle: ESP within AH."""

    ESP = "esp"
    AH = "ah"
    AH_ESP = "ah-esp"


@dataclass(slots=True)
class SaStatistics:
    """Packets of an SA: protected or taken, and refused by reason; octets as they are within the protection."""

    bytes: int = 0
    packets: int = 0
    replay_drops: int = 0
    authentication_failures: int = 0
    decryption_failures: int = 0

    def add(self, other: "SaStatistics") -> None:
        """Count another SA's packets as well."""
        self.bytes += other.bytes
        self.packets += other.packets
        self.replay_drops += other.replay_drops
        self.authentication_failures += other.authentication_failures
        self.decryption_failures += other.decryption_failures


@dataclass(frozen=True, slots=True)
class SaKeys:
    """The keys: in a bundle `authentication` is AH's and `encryption` ESP's. Empty where there is no algorithm."""

    authentication: bytes = field(default=b"", repr=False)
    encryption: bytes = field(default=b"", repr=False)


@dataclass(slots=True, eq=False)
class IpsecSa:
    """An IPsec SA. `spi` is ESP's in a bundle, and `aux_spi` AH's, which is 0 otherwise.

    `soft_lifetime`, `hard_lifetime` and `expires_at` are None for a manual SA. Instants are device time.
    """

    direction: Direction
    spi: Spi
    aux_spi: Spi
    mode: SaMode
    type: SaType
    protocol: SaProtocol
    authentication_algorithm: IpsecAuthentication | None
    encryption_algorithm: EncryptionAlgorithm | None
    keys: SaKeys
    replay_window_size: int = 0
    statistics: SaStatistics = field(default_factory=SaStatistics)
    soft_lifetime: Lifetime | None = None
    hard_lifetime: Lifetime | None = None
    installed_at: int | None = None

    @property
    def is_installed(self) -> bool:
        """Whether it is in the database, so that packets can use it."""
        return self.installed_at is not None

    @property
    def expires_at(self) -> int | None:
        """When the hard lifetime is over by the clock."""
        return None if self.hard_lifetime is None else self.hard_lifetime.ends_at

    @property
    def spis(self) -> tuple[tuple[SaProtocol, Spi], ...]:
        """Each protocol on the wire (ESP or AH) with its SPI."""
        if self.protocol is SaProtocol.AH_ESP:
            return (SaProtocol.AH, self.aux_spi), (SaProtocol.ESP, self.spi)
        return ((self.protocol, self.spi),)
