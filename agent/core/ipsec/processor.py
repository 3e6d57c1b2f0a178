"""The packet processor of one gateway: policies, SAs, and what both do with each packet (RFC 2401 sec. 5).

Octets and device time come in, packets or the reason of a drop come out, and nothing else comes out: no packet raises.
Which SAs there are is the database's to say; the processor is told how their packets travel, and which of those that
serve a security association sends. Invariant: what arrived is handed on only if its policy is the one of the SA it came
through, or lets it bypass.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count as numbers
from typing import Final

from agent.core.config import NAT_PORT, Direction
from agent.core.identifiers import Spi
from agent.core.ip import icmp, ipv4, ipv6, udp
from agent.core.ip.packet import AH, ESP, ICMP, ICMPV6, UDP, HopsExceeded, MalformedPacket, forwarded, whole
from agent.core.ip.reassembly import Reassembler
from agent.core.ipsec.headers import answering_address
from agent.core.ipsec.inbound import SPI_OCTETS, InboundSa
from agent.core.ipsec.lifetime import UNLIMITED
from agent.core.ipsec.outbound import OutboundSa
from agent.core.ipsec.path import Path
from agent.core.ipsec.path_mtu import PathMtus
from agent.core.ipsec.refusal import Drop, DropReason, Refused
from agent.core.ipsec.sa import IpsecSa, SaProtocol
from agent.core.ipsec.sad import Draw, Sad
from agent.core.ipsec.spd import Action, Policy, Spd

HOST: Final = ""
"""The interface of what the gateway itself sends and gets: that of transport mode."""

_NONCE_OCTETS: Final = 8
_NONCES: Final = 64
"""Drawn at once: a draw costs as much as a packet."""
_AH_SPI_AT: Final = 4
_SPI_AND_NUMBER_OCTETS: Final = 8
_NON_ESP_MARKER: Final = bytes(4)
_KEEPALIVE: Final = b"\xff"


@dataclass(frozen=True, slots=True)
class Run:
    """Packets that were counted as sent: with numbers from `first` on, to the SA of a protocol on the wire and SPI."""

    protocol: SaProtocol
    spi: Spi
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Headroom:
    """How much an SA can carry before somebody is told, or it ends: octets and packets, by octets of each packet.

    With as many packets, or as many octets, the limit is reached.
    """

    octets_each: int
    octets: int
    packets: int


class Processor:
    """Protects what leaves a gateway and takes the protection from what arrives. Drops are counted by their reason.

    `prepare` is called for an installed inbound SA that has no path, when its first packet comes: it may attach it.
    """

    def __init__(
        self,
        sad: Sad,
        draw: Draw,
        nat_port: int = NAT_PORT,
        prepare: Callable[[IpsecSa], object] = lambda sa: None,
    ) -> None:
        self._sad = sad
        self._prepare = prepare
        self._nonce = _nonces(draw).__next__
        self._identify = numbers(1).__next__
        self._spds: dict[str, Spd] = {}
        self._inbound: dict[IpsecSa, InboundSa] = {}
        self._outbound: dict[IpsecSa, OutboundSa] = {}
        self._sending: dict[str, OutboundSa] = {}
        self._path_mtus = PathMtus()
        self._nat_port = nat_port.to_bytes(2)
        self.reassembler = Reassembler()
        self.arrived_by: IpsecSa | None = None
        """The SA that the last packet from the wire named, if there is one; of a run, that of the run."""
        self.drops: dict[DropReason, int] = dict.fromkeys(DropReason, 0)

    # What the gateway is to do

    def set_policies(self, interface: str, policies: Iterable[Policy]) -> None:
        """Have an interface treat packets by these policies, the first that fits deciding. None discard everything."""
        self._spds[interface] = Spd(policies)

    def remove_interface(self, interface: str) -> None:
        """Have no policies of an interface any more; what it has is discarded."""
        self._spds.pop(interface, None)

    def attach(self, sa: IpsecSa, path: Path) -> None:
        """Have an SA's packets travel along a path from now on, or along another than before.

        Raises ValueError for a path that it cannot take.
        """
        if sa.direction is Direction.INBOUND:
            self._inbound[sa] = InboundSa(sa, path)
            return
        outbound = OutboundSa(sa, path, self._nonce, self._identify)
        before = self._outbound.get(sa)
        is_sending = before is not None and self._sending.get(before.path.name) is before
        self.detach(sa)
        self._outbound[sa] = outbound
        self._path_mtus.attach(outbound)
        if is_sending:
            self._sending[path.name] = outbound

    def detach(self, sa: IpsecSa) -> None:
        """Forget an SA; one that is not attached does no harm."""
        self._inbound.pop(sa, None)
        outbound = self._outbound.pop(sa, None)
        if outbound is not None:
            self._path_mtus.detach(outbound)
            if self._sending.get(outbound.path.name) is outbound:
                del self._sending[outbound.path.name]

    def send_with(self, sa: IpsecSa) -> None:
        """Protect by this attached outbound SA, from now on, what its security association is for."""
        outbound = self._outbound[sa]
        self._sending[outbound.path.name] = outbound

    def expire(self, now: int) -> None:
        """Forget what is over: datagrams that stayed incomplete, and MTUs learned ten minutes ago."""
        self.reassembler.expire(now)
        self._path_mtus.expire(now)

    def note_too_long(self, wire: bytes, mtu: int, now: int) -> None:
        """Have packets like one of ours be at most so many octets on the wire, as the network here takes no longer."""
        self._path_mtus.note_too_long(wire, mtu, now)

    # Packets

    def outbound(self, packet: bytes, interface: str = HOST) -> tuple[bytes, ...] | Drop:
        """Return what a packet that leaves through an interface becomes on the wire: one packet, or its fragments."""
        try:
            packet = whole(packet)
            sender = self._sender(packet, interface)
            return (packet,) if sender is None else sender.protect(packet)
        except Refused as refused:
            return self._dropped(refused.drop)
        except MalformedPacket:
            return self._dropped(Drop(DropReason.MALFORMED))

    def inbound(self, packet: bytes, now: int, interface: str = HOST) -> bytes | Drop | None:
        """Return the packet that one from the wire has protected, or the same where its policy lets it bypass.

        `interface` is where it arrives and matters to what is not protected. None where there is nothing to hand on: a
        fragment whose others are still to come, a keepalive, an error that the processor has learned from.
        """
        self.arrived_by = None
        try:
            return self._inbound_packet(whole(packet), now, interface)
        except Refused as refused:
            return self._dropped(refused.drop)
        except MalformedPacket:
            return self._dropped(Drop(DropReason.MALFORMED))

    # Packets that nobody looks at

    def account_outbound(self, packet: bytes, count: int, interface: str = HOST) -> tuple[Run, ...]:
        """Count packets as if as many like this had left, at a cost that does not grow with them.

        Sequence numbers, octets, limits and drops are as if they had. Return what was sent, in order; where limits were
        reached by several SAs. Raises ValueError where each would be cut before protection, which only packets show.
        """
        runs, left = list[Run](), count
        try:
            packet = whole(packet)
            while left:
                sender = self._sender(packet, interface)
                if sender is None:
                    break
                done = sender.account(packet, left)
                left -= done
                _append(runs, Run(*sender.sa.spis[0], sender.sa.sequence - done + 1, done))
        except Refused as refused:
            self.drops[refused.drop.reason] += left
        except MalformedPacket:
            self.drops[DropReason.MALFORMED] += left
        return tuple(runs)

    def account_inbound(self, packet: bytes, run: Run) -> int:
        """Count packets of a run as if they had arrived, whole, and had been protected like this one.

        Return how many were delivered. The packet is as it was given to `account_outbound` at the other end.
        """
        left, taken_in_all = run.count, 0
        self.arrived_by = None
        try:
            receiver = self._receiver(run.protocol, run.spi)
        except Refused as refused:
            self.drops[refused.drop.reason] += left
            return 0
        try:
            while left:
                handled, taken = receiver.account(packet, run.first + run.count - left, left)
                self.drops[DropReason.REPLAY] += handled - taken
                left -= handled
                taken_in_all += taken
        except Refused as refused:
            self.drops[refused.drop.reason] += left
        return taken_in_all if taken_in_all and self._is_accepted(receiver, packet, taken_in_all) else 0

    def headroom(self, sa: IpsecSa, packet: bytes) -> Headroom:
        """Return how much of packets like this, before protection, an attached SA can carry."""
        if sa.direction is Direction.INBOUND:
            return Headroom(self._inbound[sa].octets_of(packet), sa.usage.mark - sa.usage.bytes, UNLIMITED)
        sender = self._outbound[sa]
        return Headroom(sender.octets_of(packet), sa.usage.mark - sa.usage.bytes, sender.numbers_left)

    def _is_accepted(self, receiver: InboundSa, packet: bytes, count: int) -> bool:
        try:
            self._accepted(receiver, packet)
        except Refused as refused:
            self.drops[refused.drop.reason] += count
            return False
        return True

    # What both have in common

    def _sender(self, packet: bytes, interface: str) -> OutboundSa | None:
        """Return what protects a packet; None where it passes as it is. Raises Refused."""
        spd = self._spds.get(interface)
        policy = spd.outbound(packet) if spd is not None else None
        if policy is None or policy.action is Action.DISCARD:
            raise Refused(DropReason.POLICY)
        if policy.action is Action.BYPASS:
            return None
        sender = self._sending.get(policy.name)
        if sender is None:
            raise Refused(DropReason.NO_SA)
        return sender

    def _inbound_packet(self, packet: bytes, now: int, interface: str) -> bytes | None:
        protocol, start, named_at, is_fragment = _outermost(packet)
        if is_fragment:
            joined = self.reassembler.add(packet, now)
            if joined is None:
                return None
            packet = whole(joined)
            protocol, start, named_at, is_fragment = _outermost(packet)
            if is_fragment:
                raise MalformedPacket("a fragment within fragments")
        if protocol == ESP:
            return self._opened(packet, SaProtocol.ESP, start, named_at)
        if protocol == AH:
            return self._opened(packet, SaProtocol.AH, start, named_at)
        if protocol == UDP and packet[start + 2 : start + 4] == self._nat_port:
            return self._inbound_udp(packet, start, named_at)
        if protocol in (ICMP, ICMPV6) and self._path_mtus.learn(packet, now):
            return None
        return self._bypassing(packet, interface)

    def _inbound_udp(self, packet: bytes, start: int, named_at: int) -> bytes | None:
        """Take a datagram to the port of UDP encapsulation (RFC 3948 sec. 2): ESP, IKE, which bypasses, or neither."""
        end = start + int.from_bytes(packet[start + 4 : start + 6])
        esp = start + udp.OCTETS
        if not esp < end <= len(packet):
            raise MalformedPacket("a UDP datagram that is cut")
        if packet[esp:end] == _KEEPALIVE:
            return None
        if packet[esp : esp + len(_NON_ESP_MARKER)] == _NON_ESP_MARKER:
            return packet
        return self._opened(packet[:end], SaProtocol.ESP, esp, named_at, is_udp=True)

    def _opened(self, packet: bytes, protocol: SaProtocol, start: int, named_at: int, *, is_udp: bool = False) -> bytes:
        spi_at = start if protocol is SaProtocol.ESP else start + _AH_SPI_AT
        if len(packet) < spi_at + _SPI_AND_NUMBER_OCTETS:
            raise Refused(DropReason.MALFORMED)
        receiver = self._receiver(protocol, Spi(int.from_bytes(packet[spi_at : spi_at + SPI_OCTETS])))
        destination = packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]
        if destination != receiver.local:
            # An SPI is its receiver's: to another destination it means nothing.
            raise Refused(DropReason.NO_SA)
        if protocol is not receiver.outermost or is_udp is (receiver.path.ports is None):
            raise Refused(DropReason.POLICY)
        return self._accepted(receiver, receiver.open(packet, start, named_at))

    def _receiver(self, protocol: SaProtocol, spi: Spi) -> InboundSa:
        sa = self.arrived_by = self._sad.find(protocol, spi)
        if sa is None:
            raise Refused(DropReason.NO_SA)
        if sa not in self._inbound:
            self._prepare(sa)
        receiver = self._inbound.get(sa)
        if receiver is None:
            raise Refused(DropReason.NO_SA)
        return receiver

    def _accepted(self, receiver: InboundSa, packet: bytes) -> bytes:
        """Return a packet that came through the SA its policy demands, to be handed on. Raises Refused."""
        path = receiver.path
        spd = self._spds.get(path.interface)
        policy = spd.inbound(packet) if spd is not None else None
        if policy is None or policy.action is not Action.PROTECT or policy.name != path.name:
            raise Refused(DropReason.POLICY)
        if not receiver.forwards:
            return packet
        try:
            return forwarded(packet)
        except HopsExceeded:
            reply = icmp.time_exceeded(packet, answering_address(path, packet))
            raise Refused(DropReason.HOPS_EXCEEDED, reply) from None

    def _bypassing(self, packet: bytes, interface: str) -> bytes:
        spd = self._spds.get(interface)
        policy = spd.inbound(packet) if spd is not None else None
        if policy is None or policy.action is not Action.BYPASS:
            raise Refused(DropReason.POLICY)
        return packet

    def _dropped(self, drop: Drop) -> Drop:
        self.drops[drop.reason] += 1
        return drop


def _outermost(packet: bytes) -> tuple[int, int, int, bool]:
    """Return the protocol of a whole packet, where it begins, which octet names it, and whether it is a fragment."""
    if packet[0] >> 4 == 4:
        return packet[9], ipv4.header_octets(packet), 9, ipv4.is_fragment(packet)
    layout = ipv6.layout(packet)
    return layout.protocol, layout.offset, layout.named_at, layout.fragment is not None


def _append(runs: list[Run], run: Run) -> None:
    """Add a run, to the last one where it goes on from there."""
    last = runs[-1] if runs else None
    if (
        last is not None
        and (last.protocol, last.spi) == (run.protocol, run.spi)
        and last.first + last.count == run.first
    ):
        runs[-1] = replace(last, count=last.count + run.count)
    else:
        runs.append(run)


def _nonces(draw: Draw) -> Iterator[bytes]:
    while True:
        drawn = draw("iv", _NONCE_OCTETS * _NONCES)
        for start in range(0, len(drawn), _NONCE_OCTETS):
            yield drawn[start : start + _NONCE_OCTETS]
