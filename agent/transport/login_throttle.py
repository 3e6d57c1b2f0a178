"""Wrong passwords from one address slow the next tries from there down.

The first few cost nothing: people mistype, and scripts try twice. From then on each further try waits its turn, twice
as long after every failure. A right password that has waited its turn is let in, and all is forgotten.

Invariants: no address holds up another; what is remembered is bounded, and forgotten in time. Nothing reads a clock:
times are passed in, in monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

ADDRESSES: Final = 4096
"""How many addresses are remembered; the one that was quiet for longest goes first."""
CUSTOMER_PREFIX_BITS: Final = 64
"""What one customer has of IPv6: whoever has one address of it has them all."""


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """How tries are slowed down; times in seconds."""

    free_failures: int = 10
    first_wait: float = 1.0
    longest_wait: float = 60.0
    forgotten_after: float = 900.0


@dataclass(slots=True)
class _Failures:
    count: int
    last_at: float
    next_try_at: float


class LoginThrottle:
    """The addresses that wrong passwords came from."""

    def __init__(self, limits: ThrottleLimits = ThrottleLimits()) -> None:
        """Begin without a grudge."""
        self.limits = limits
        self._failures: dict[str, _Failures] = {}

    def reserve(self, host: str, now: float) -> float | None:
        """Take the next turn of an address and return how many seconds it is away.

        None when so many tries wait from there that there is no turn for this one.
        """
        found = self._failures.get(_source(host))
        if found is None or now - found.last_at >= self.limits.forgotten_after:
            return 0.0
        at = max(now, found.next_try_at)
        if at - now > self.limits.longest_wait:
            return None
        found.next_try_at = at + self._wait(found.count)
        return at - now

    def failed(self, host: str, now: float) -> None:
        """Learn of a wrong password."""
        source = _source(host)
        found = self._failures.pop(source, None)
        if found is None or now - found.last_at >= self.limits.forgotten_after:
            found = _Failures(0, now, now)
        found.count += 1
        found.last_at = now
        found.next_try_at = max(found.next_try_at, now + self._wait(found.count))
        self._failures[source] = found
        if len(self._failures) > ADDRESSES:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, host: str) -> None:
        """Learn of a right one."""
        self._failures.pop(_source(host), None)

    def _wait(self, failures: int) -> float:
        """Return how long the try after so many failures waits."""
        beyond = failures - self.limits.free_failures
        if beyond < 0:
            return 0.0
        return min(self.limits.first_wait * 2.0 ** min(beyond, 32), self.limits.longest_wait)


def _source(host: str) -> str:
    """Return whom an address is taken for; a host that is no address stands for itself."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Network((address, CUSTOMER_PREFIX_BITS), strict=False))
    return str(address)
