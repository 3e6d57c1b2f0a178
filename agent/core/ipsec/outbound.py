"""Protects the packets of one outbound SA (RFC 2401 sec. 5.1): ESP, AH or AH over ESP, in a tunnel or in transport.

Whole packets go in. What gets longer than its path is cut after protection (RFC 2406 sec. 3.3.4), or before where the
path says so; what must not be cut is refused and its sender told (RFC 2401 sec. 6.1, RFC 4301 sec. 8.2). Invariants: no
number is used twice, but by a manual SA, whose numbers begin again; no packet passes once the lifetime is used up.
"""

from collections.abc import Callable
from typing import Final

from agent.core.config import SaMode
from agent.core.ip import icmp, ipv4, udp
from agent.core.ip.fragmentation import UNIT, fragment, may_fragment
from agent.core.ip.packet import AH, ESP, IPV6_LEAST_MTU, MOST_OCTETS, UDP, HopsExceeded, forwarded
from agent.core.ipsec import ah
from agent.core.ipsec.ah import AhSealer
from agent.core.ipsec.esp import TRAILER_OCTETS, EspSealer, EspShape
from agent.core.ipsec.headers import TransportHeader, TunnelHeader, answering_address, udp_encapsulated
from agent.core.ipsec.path import DfRule, Path
from agent.core.ipsec.refusal import DropReason, Refused, SequenceExhausted, require_usable
from agent.core.ipsec.sa import IpsecSa, SaProtocol, SaType

NUMBERS: Final = 1 << 32
"""Sequence numbers there are; the first is 1."""
IDENTIFICATIONS: Final = 1 << 32
"""Identifications of IPv6 fragments there are."""
LEAST_MTU: Final = 68
"""Every IPv4 path carries that much (RFC 791 sec. 3.2)."""
REKEY_AT: Final = NUMBERS * 4 // 5
"""The number that calls for a successor: as far ahead of the end as the soft lifetime is."""


class OutboundSa:
    """The processing of one outbound SA along one path.

    `nonce` draws eight octets that nobody can predict, and `identify` numbers the datagrams of the gateway. Raises
    ValueError for an SA that cannot go along the path: AH in UDP, which RFC 3948 does not have.
    """

    __slots__ = (
        "_ah",
        "_esp",
        "_fixed",
        "_forwards",
        "_has_ah",
        "_header",
        "_identify",
        "_mark",
        "_mtu",
        "_nonce",
        "_room",
        "_shape",
        "path",
        "sa",
    )

    def __init__(self, sa: IpsecSa, path: Path, nonce: Callable[[], bytes], identify: Callable[[], int]) -> None:
        if path.ports is not None and sa.protocol is not SaProtocol.ESP:
            raise ValueError(f"{sa.protocol.value} cannot be encapsulated in UDP")
        self.sa = sa
        self.path = path
        self._nonce = nonce
        self._identify = identify
        self._esp: EspSealer | None = None
        self._ah: AhSealer | None = None
        outermost = UDP if path.ports is not None else ESP if sa.protocol is SaProtocol.ESP else AH
        tunnels = sa.mode is SaMode.TUNNEL
        self._forwards = tunnels and path.forwards
        self._header = TunnelHeader(path, outermost, identify) if tunnels else TransportHeader(outermost)
        self._shape = None if sa.protocol is SaProtocol.AH else EspShape(sa)
        self._mark = self._next_mark()
        self._fixed = self._header.octets + udp.OCTETS * (path.ports is not None)
        self._has_ah = sa.protocol is not SaProtocol.ESP
        self._fixed += ah.OCTETS * self._has_ah
        self.set_mtu(path.mtu)

    def set_mtu(self, mtu: int) -> None:
        """Have packets on the wire be at most that long, in octets; less than LEAST_MTU is taken for that."""
        self._mtu = max(mtu, LEAST_MTU)
        # In transport mode the packet's own header decides as well; this is what fits in any case.
        self._room = self._fitting(0) if self._header.octets else self._fitting(0) - 8

    @property
    def mtu(self) -> int:
        """The longest packet on the wire, in octets."""
        return self._mtu

    def protect(self, packet: bytes) -> tuple[bytes, ...]:
        """Return the packets for the wire that a whole packet becomes. Raises Refused, and MalformedPacket."""
        if self._forwards:
            packet = self._forwarded(packet)
        if len(packet) > self._room:
            return self._protect_long(packet)
        return (self._protect(packet),)

    def account(self, packet: bytes, count: int) -> int:
        """Count packets equal to this one, as if as many had been protected, at a cost that does not grow with them.

        Return how many were, at least one: fewer than `count` in front of and at a limit, since whoever is told may
        replace the SA. Raises Refused where not one passes, and ValueError where each would be cut before protection.
        """
        if self._forwards:
            packet = self._forwarded(packet)
        if len(packet) > self._room and len(packet) > self._room_of(packet):
            if self._is_cut_first(packet):
                raise ValueError("a packet that is cut before it is protected")
            self._require_cuttable(packet)
        front, payload, _ = self._header.split(packet)
        octets = self._octets(front, payload)
        require_usable(self.sa)
        sa, usage = self.sa, self.sa.usage
        quiet = min(count, (usage.mark - usage.bytes - 1) // octets, self._mark - sa.sequence - 1)
        if quiet > 0:
            sa.sequence += quiet
            self.sa.count(quiet * len(payload), quiet * octets, quiet)
            return quiet
        self._number()
        self.sa.count(len(payload), octets)
        return 1

    def octets_of(self, packet: bytes) -> int:
        """Return what a whole packet counts for the lifetime."""
        front, payload, _ = self._header.split(packet)
        return self._octets(front, payload)

    @property
    def numbers_left(self) -> int:
        """How many packets there can be until a successor is called for, or the numbers end."""
        return self._mark - self.sa.sequence

    def _forwarded(self, packet: bytes) -> bytes:
        try:
            return forwarded(packet)
        except HopsExceeded:
            reply = icmp.time_exceeded(packet, answering_address(self.path, packet))
            raise Refused(DropReason.HOPS_EXCEEDED, reply) from None

    # One packet

    def _protect(self, packet: bytes) -> bytes:
        require_usable(self.sa)
        front, payload, protocol = self._header.split(packet)
        number = self._number()
        sealed = payload
        if self._shape is not None:
            sealed, protocol = (self._esp or self._esp_sealer()).seal(number, payload, protocol), ESP
        if self.path.ports is not None:
            sealed = udp_encapsulated(self.path, sealed)
        if self._has_ah:
            header = self._header.make(front, ah.OCTETS + len(sealed))
            wire = header + (self._ah or self._ah_sealer()).seal(number, header, sealed, protocol)
        else:
            wire = self._header.make(front, len(sealed)) + sealed
        self.sa.count(len(payload), self._octets(front, payload))
        return wire

    def _number(self) -> int:
        """Return the number of the next packet."""
        sa = self.sa
        number = sa.sequence + 1
        if number >= self._mark:
            return self._number_at_mark(number)
        sa.sequence = number
        return number

    def _number_at_mark(self, number: int) -> int:
        sa = self.sa
        if number == NUMBERS:
            if sa.type is not SaType.MANUAL:
                raise SequenceExhausted
            number = 0
        sa.sequence = number
        self._mark = self._next_mark()
        if sa.type is not SaType.MANUAL:
            sa.usage.call_for_successor()
        return number

    def _next_mark(self) -> int:
        """Return the number at which something is to be done."""
        is_early = self.sa.type is SaType.DYNAMIC and self.sa.sequence < REKEY_AT
        return REKEY_AT if is_early else NUMBERS

    def _octets(self, front: bytes, payload: bytes) -> int:
        """Return what counts for the lifetime: what is encrypted, or else what is authenticated."""
        if self._shape is not None:
            return self._shape.encrypted(len(payload))
        return (self._header.octets or len(front)) + ah.OCTETS + len(payload)

    def _esp_sealer(self) -> EspSealer:
        """Make the contexts of the ciphers, which an SA that carries nothing does without."""
        self._esp = EspSealer(self.sa, self._nonce)
        return self._esp

    def _ah_sealer(self) -> AhSealer:
        self._ah = AhSealer(self.sa)
        return self._ah

    # Packets that get longer than the path

    def _protect_long(self, packet: bytes) -> tuple[bytes, ...]:
        room = self._room_of(packet)
        if len(packet) <= room:
            return (self._protect(packet),)
        if self._is_cut_first(packet):
            return tuple([self._protect(piece) for piece in fragment(packet, room)])
        self._require_cuttable(packet)
        wire = self._protect(packet)
        try:
            return fragment(wire, self._mtu, self._identify() & IDENTIFICATIONS - 1)
        except ValueError:
            # Its extension headers alone are as long as the path.
            raise Refused(DropReason.TOO_BIG) from None

    def _room_of(self, packet: bytes) -> int:
        """Return how long a packet like this may be."""
        return self._fitting(0 if self._header.octets else len(self._header.split(packet)[0]))

    def _fitting(self, front_octets: int) -> int:
        """Return how long a packet may be of which that much is not protected, in octets."""
        room = self._mtu - self._fixed
        if self._shape is None:
            return room
        room -= self._shape.plain + front_octets
        return front_octets + room // self._shape.alignment * self._shape.alignment - TRAILER_OCTETS

    def _is_cut_first(self, packet: bytes) -> bool:
        """Whether a packet is cut before it is protected."""
        is_wanted = self.path.fragments_first or self.path.df is DfRule.SET
        is_possible = self._room >= ipv4.header_octets(packet) + UNIT
        return bool(self._header.octets) and is_wanted and may_fragment(packet) and is_possible

    def _require_cuttable(self, packet: bytes) -> None:
        """Raise Refused unless what a packet becomes may be cut and is not too long even so."""
        room = self._room_of(packet)
        front, payload, _ = self._header.split(packet)
        octets = self._fixed + (0 if self._header.octets else len(front))
        octets += len(payload) if self._shape is None else self._shape.plain + self._shape.encrypted(len(payload))
        if octets <= MOST_OCTETS and self._may_be_cut(packet):
            return
        if packet[0] >> 4 == 6:
            room = max(room, IPV6_LEAST_MTU)
        raise Refused(DropReason.TOO_BIG, icmp.too_big(packet, room, answering_address(self.path, packet)))

    def _may_be_cut(self, packet: bytes) -> bool:
        """Whether the path's packets may be fragments of what this one becomes."""
        if not self._header.octets:
            # A host cuts its own IPv6 packets.
            return packet[0] >> 4 == 6 or may_fragment(packet)
        if packet[0] >> 4 == 6:
            return len(packet) <= IPV6_LEAST_MTU
        return may_fragment(packet) or self.path.df is DfRule.CLEAR
