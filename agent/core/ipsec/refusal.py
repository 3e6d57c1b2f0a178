"""Why a packet is dropped, and what its sender is told (RFC 2401 sec. 5, RFC 2402 and 2406 sec. 3.4)."""

from dataclasses import dataclass

from agent.core.enumeration import Enumeration
from agent.core.ipsec.sa import IpsecSa


class DropReason(Enumeration):
    """Why a packet is dropped."""

    REPLAY = "replay"
    AUTHENTICATION = "authentication"
    DECRYPTION = "decryption"
    NO_SA = "no-sa"
    POLICY = "policy"
    MALFORMED = "malformed"
    SEQUENCE_EXHAUSTED = "sequence-exhausted"
    LIFETIME = "lifetime"
    TOO_BIG = "too-big"
    HOPS_EXCEEDED = "hops-exceeded"


@dataclass(frozen=True, slots=True)
class Drop:
    """A packet that is dropped, and the ICMP error for its sender, where there is one."""

    reason: DropReason
    reply: bytes | None = None


class Refused(Exception):
    """A packet is dropped."""

    def __init__(self, reason: DropReason, reply: bytes | None = None) -> None:
        super().__init__(reason.value)
        self.drop = Drop(reason, reply)


class SequenceExhausted(Refused):
    """An SA has sent its last number (RFC 2406 sec. 3.3.3)."""

    def __init__(self) -> None:
        super().__init__(DropReason.SEQUENCE_EXHAUSTED)


def require_usable(sa: IpsecSa) -> None:
    """Raise Refused unless packets may use an SA now."""
    if sa.installed_at is None:
        raise Refused(DropReason.NO_SA)
    if sa.usage.bytes >= sa.usage.end:
        raise Refused(DropReason.LIFETIME)
