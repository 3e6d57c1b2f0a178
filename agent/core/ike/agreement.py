"""What quick mode is about: the terms on which an end negotiates, what the peer asks for, and what is agreed.

Keys and SPIs are by direction and by protocol: ESP, AH or, in a bundle, both.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from agent.core.config import IpsecPolicy, IpsecProposal, SaMode, TrafficIdentity
from agent.core.identifiers import Spi


class Terms(NamedTuple):
    """What one end may agree to, for a security association that goes by `name` at this end.

    `allocate_spi` takes an SPI for inbound packets; what it gave, the negotiation keeps in `spis`.
    """

    name: str
    policy: IpsecPolicy
    mode: SaMode
    local_identity: TrafficIdentity
    remote_identity: TrafficIdentity
    allocate_spi: Callable[[], Spi]


class Request(NamedTuple):
    """The traffic that a peer wants protected; None is an identity that no configuration can mean."""

    local_identity: TrafficIdentity | None
    remote_identity: TrafficIdentity | None


@dataclass(frozen=True, slots=True)
class ProtocolKeys:
    """The SPI and the keys of one protocol in one direction; a key is empty where there is no algorithm for it."""

    spi: Spi
    encryption: bytes = field(repr=False)
    authentication: bytes = field(repr=False)


class Material(NamedTuple):
    """What protects the packets of one direction."""

    esp: ProtocolKeys | None
    ah: ProtocolKeys | None


class Agreement(NamedTuple):
    """What both ends have come to; the lifetimes of the proposal are those agreed.

    Across a translator the packets go within UDP (RFC 3948).
    """

    proposal: IpsecProposal
    mode: SaMode
    inbound: Material
    outbound: Material
    is_udp_encapsulated: bool = False
