"""What of traffic is told beforehand: packets of one length, in bursts at regular intervals."""

from dataclasses import dataclass
from typing import Final

from agent.core.config import Direction
from agent.core.traffic.bursts import Variant

LEAST_OCTETS: Final = 64
"""The shortest packet that any identity can have: the headers of IPv6 and of TCP, and a little."""


@dataclass(frozen=True, slots=True)
class TrafficProfile:
    """Bursts of `packets` packets of `packet_octets` octets each, headers included; outbound ones leave the gateway.

    The first burst is at `starts_at`, another every `every_us` (None: there is one) as long as that is before `ends_at`
    (None: without end). Instants are device time.
    """

    security_association: str
    starts_at: int
    every_us: int | None = None
    ends_at: int | None = None
    packets: int = 1
    packet_octets: int = 100
    direction: Direction = Direction.OUTBOUND
    variant: Variant = Variant.NORMAL

    def bursts(self, after: int, until: int) -> int:
        """Return how many bursts there are later than an instant and up to another, that included."""
        return max(0, self._bursts_up_to(until) - self._bursts_up_to(after))

    def next_burst(self, after: int) -> int | None:
        """Return when the first burst later than an instant is; None when there is none."""
        done = self._bursts_up_to(after)
        at = self.starts_at + done * (self.every_us or 0)
        return at if at > after and self._bursts_up_to(at) > done else None

    def _bursts_up_to(self, at: int) -> int:
        if self.ends_at is not None:
            at = min(at, self.ends_at - 1)
        if at < self.starts_at:
            return 0
        return 1 if self.every_us is None else (at - self.starts_at) // self.every_us + 1

    def last_burst(self, until: int) -> int:
        """Return when the last burst up to an instant is. There must be one."""
        return self.starts_at + (self._bursts_up_to(until) - 1) * (self.every_us or 0)
