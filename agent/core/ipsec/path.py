"""How the packets of an SA travel: between whom, in what, and how long they may be (RFC 2401 sec. 4.4.3 and 5.1.2)."""

from dataclasses import dataclass
from enum import Enum, auto

from agent.core.identifiers import Address


class DfRule(Enum):
    """What becomes of Don't Fragment in the outer header of a tunnel (RFC 2401 sec. 6.1)."""

    COPY = auto()
    SET = auto()
    CLEAR = auto()


@dataclass(frozen=True, slots=True)
class UdpPorts:
    """The ports of UDP encapsulation (RFC 3948)."""

    local: int
    remote: int


@dataclass(frozen=True, slots=True)
class Path:
    """How the packets of an SA travel.

    `name` is the security association's and `interface` the one whose policies it serves. `mtu` is in octets. A gateway
    that forwards takes a hop from the packets of others, before the tunnel and after it; one whose packets are its own,
    or have been forwarded to it, does not. In a tunnel IPv4 packets can be cut before they are protected instead of
    after, so that the other end need not put anything together.
    """

    name: str
    interface: str
    local: Address
    remote: Address
    ports: UdpPorts | None = None
    mtu: int = 1500
    ttl: int = 64
    df: DfRule = DfRule.COPY
    forwards: bool = True
    fragments_first: bool = False
