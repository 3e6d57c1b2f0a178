"""One IPsec SA (RFC 2401 sec. 4.1): protection of packets in one direction, by one SPI or, in a bundle, two."""

from dataclasses import dataclass, field

from agent.core.config import Direction, EncryptionAlgorithm, IpsecAuthentication, SaMode
from agent.core.enumeration import Enumeration
from agent.core.identifiers import Spi
from agent.core.ipsec.lifetime import Lifetime, Usage
from agent.core.ipsec.replay import ReplayWindow


class SaType(Enumeration):
    """Where the keys come from."""

    MANUAL = "manual"
    DYNAMIC = "dynamic"


class SaProtocol(Enumeration):
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


@dataclass(frozen=True, slots=True)
class SaState:
    """What packets change in an SA: what a standby PIC has to know to go on where the active one was.

    `sequence` is the last number sent; of the replay window, the highest number taken, and a bit for each number
    below it, itself included.
    """

    sequence: int
    window_top: int
    window_bitmap: int
    octets: int


@dataclass(slots=True, eq=False)
class IpsecSa:
    """An IPsec SA. `spi` is ESP's in a bundle, and `aux_spi` AH's, which is 0 otherwise.

    `soft_lifetime`, `hard_lifetime` and `expires_at` are None for a manual SA. Instants are device time. `sequence` is
    the number of the last packet sent, in a bundle of both its headers.
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
    usage: Usage = field(default_factory=Usage)
    sequence: int = 0
    replay: ReplayWindow = field(init=False)

    def __post_init__(self) -> None:
        # What is not authenticated can be renumbered at will, so a window would be no protection (RFC 2406 sec. 3.4.3).
        self.replay = ReplayWindow(self.replay_window_size if self.authentication_algorithm is not None else 0)

    def count(self, payload_octets: int, octets: int, packets: int = 1) -> None:
        """Count what was protected and what counts for the lifetime; whoever waits for a limit is told."""
        statistics, usage = self.statistics, self.usage
        statistics.packets += packets
        statistics.bytes += payload_octets
        usage.bytes += octets
        if usage.bytes >= usage.mark:
            usage.on_mark()

    @property
    def state(self) -> SaState:
        """What packets have changed so far."""
        return SaState(self.sequence, self.replay.top, self.replay.bitmap, self.usage.bytes)

    def restore(self, state: SaState) -> None:
        """Go on from a state."""
        self.sequence = state.sequence
        self.replay.top, self.replay.bitmap = state.window_top, state.window_bitmap
        self.usage.bytes = state.octets

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
