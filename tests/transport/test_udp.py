"""IKE over real UDP sockets on loopback: both ports, the marker, and what is lost."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from agent.transport import udp
from agent.transport.udp import Loss, UdpCarrier, UdpSockets, marker_between

HERE = ip_address("127.0.0.1")
THERE = ip_address("127.0.0.2")
MARKER = bytes(4)
MESSAGE = bytes(range(1, 41))
SECONDS = 30


@dataclass(frozen=True)
class End:
    """An endpoint, as the core has them."""

    address: IPv4Address | IPv6Address
    port: int


@dataclass
class Stage:
    """A carrier on free ports of HERE, a peer's socket, and what was delivered."""

    sockets: UdpSockets
    peer: socket.socket
    got: list[tuple[End, End, bytes]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    takes_esp: bool = False

    def __post_init__(self) -> None:
        self.carrier: UdpCarrier[End] = UdpCarrier(
            self.sockets,
            endpoint=End,
            deliver=self._deliver,
            before_input=lambda: self.calls.append("catch up"),
            deliver_esp=self._deliver_esp if self.takes_esp else None,
        )
        self.ike = End(self.sockets.address, self.sockets.port)
        self.nat = End(self.sockets.address, self.sockets.nat_port)
        name = self.peer.getsockname()
        self.there = End(ip_address(name[0]), name[1])

    def _deliver(self, source: End, destination: End, message: bytes) -> None:
        self.calls.append("deliver")
        self.got.append((source, destination, message))

    def _deliver_esp(self, source: End, destination: End, payload: bytes) -> None:
        self.calls.append("deliver ESP")
        self.got.append((source, destination, payload))

    async def hear(self) -> bytes:
        """Return the next datagram that the peer gets."""
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.peer, 65535), SECONDS)

    async def say(self, datagram: bytes, to: End) -> None:
        """Send a datagram from the peer, and see it taken."""
        before = len(self.got) + sum(self.carrier.losses.values())
        self.peer.sendto(datagram, (str(to.address), to.port))
        async with asyncio.timeout(SECONDS):
            while len(self.got) + sum(self.carrier.losses.values()) == before:
                await asyncio.sleep(0)


def play(
    scene: Callable[[Stage], Awaitable[None]],
    here: IPv4Address | IPv6Address = HERE,
    there: IPv4Address | IPv6Address = THERE,
    *,
    takes_esp: bool = False,
) -> Stage:
    """Play a scene with a carrier that runs."""
    family = socket.AF_INET if there.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as peer:
        peer.bind((str(there), 0))
        peer.setblocking(False)
        stage = Stage(udp.bind(here, 0, 0), peer, takes_esp=takes_esp)

        async def run() -> None:
            await stage.carrier.start()
            try:
                await scene(stage)
            finally:
                stage.carrier.close()

        asyncio.run(run())
    return stage


# Going out


def test_a_message_leaves_from_the_port_that_it_is_sent_from_with_the_marker_before_it() -> None:
    async def scene(stage: Stage) -> None:
        for own in (stage.ike, stage.nat):
            stage.carrier.send(own, stage.there, MESSAGE)
            loop = asyncio.get_running_loop()
            datagram, source = await asyncio.wait_for(loop.sock_recvfrom(stage.peer, 65535), SECONDS)
            assert (datagram, source[1]) == (MARKER + MESSAGE, own.port)

    assert set(play(scene).carrier.losses.values()) == {0}


def test_a_keepalive_is_never_marked() -> None:
    async def scene(stage: Stage) -> None:
        stage.carrier.send(stage.nat, stage.there, b"\xff")
        assert await stage.hear() == b"\xff"

    play(scene)


def test_ipv6_carries_it_both_ways() -> None:
    async def scene(stage: Stage) -> None:
        stage.carrier.send(stage.ike, stage.there, MESSAGE)
        assert await stage.hear() == MARKER + MESSAGE
        await stage.say(MARKER + MESSAGE, stage.ike)
        assert stage.got == [(stage.there, stage.ike, MESSAGE)]

    play(scene, ip_address("::1"), ip_address("::1"))


def test_what_another_gateway_sends_is_lost_and_the_log_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(stage: Stage) -> None:
        for _ in range(2):
            stage.carrier.send(End(ip_address("192.0.2.1"), stage.ike.port), stage.there, MESSAGE)
        stage.carrier.send(stage.ike, stage.there, b"after it")
        assert await stage.hear() == MARKER + b"after it"

    with caplog.at_level(logging.WARNING):
        stage = play(scene)
    assert stage.carrier.losses[Loss.FOREIGN_SOURCE] == 2
    (message,) = caplog.messages
    assert "192.0.2.1" in message
    assert "127.0.0.1 alone" in message


def test_what_the_operating_system_refuses_is_lost_and_the_next_message_goes_out() -> None:
    async def scene(stage: Stage) -> None:
        stage.carrier.send(stage.ike, stage.there, bytes(70_000))
        stage.carrier.send(stage.ike, End(ip_address("::1"), 500), MESSAGE)
        stage.carrier.send(stage.ike, stage.there, MESSAGE)
        assert await stage.hear() == MARKER + MESSAGE

    assert play(scene).carrier.losses[Loss.UNSENDABLE] == 2


def test_nothing_is_sent_after_the_end() -> None:
    async def scene(stage: Stage) -> None:
        stage.carrier.close()
        stage.carrier.send(stage.ike, stage.there, MESSAGE)
        await asyncio.sleep(0)
        with pytest.raises(BlockingIOError):
            stage.peer.recv(100)

    play(scene)


# Coming in


def test_a_message_is_delivered_without_its_marker_after_the_device_has_caught_up() -> None:
    async def scene(stage: Stage) -> None:
        await stage.say(MARKER + MESSAGE, stage.nat)
        assert stage.got == [(stage.there, stage.nat, MESSAGE)]
        assert stage.calls == ["catch up", "deliver"]

    play(scene)


@pytest.mark.parametrize("datagram", [b"\xff", b"", bytes(3), MESSAGE], ids=["keepalive", "nothing", "short", "ESP"])
def test_what_is_no_ike_is_lost_and_does_not_reach_the_device(datagram: bytes) -> None:
    async def scene(stage: Stage) -> None:
        await stage.say(datagram, stage.nat)
        assert stage.got == []
        assert stage.calls == []

    assert play(scene).carrier.losses[Loss.NOT_IKE] == 1


def test_encapsulated_esp_goes_to_who_takes_it_and_a_keepalive_to_nobody() -> None:
    async def scene(stage: Stage) -> None:
        await stage.say(MESSAGE, stage.nat)
        assert stage.got == [(stage.there, stage.nat, MESSAGE)]
        await stage.say(b"\xff", stage.nat)
        await stage.say(MESSAGE, stage.ike)
        assert stage.calls == ["catch up", "deliver ESP"], "ESP has no business on the port of IKE"

    assert play(scene, takes_esp=True).carrier.losses[Loss.NOT_IKE] == 2


# The marker


@pytest.mark.parametrize("ports", [(500, 500), (500, 5500), (5500, 500), (4500, 500)])
def test_nothing_stands_before_a_message_from_or_to_port_500(ports: tuple[int, int]) -> None:
    assert marker_between(*ports) == b""


@pytest.mark.parametrize("ports", [(4500, 4500), (4500, 33_333), (16_500, 5500)])
def test_the_marker_stands_before_a_message_between_other_ports(ports: tuple[int, int]) -> None:
    assert marker_between(*ports) == MARKER


# Ports


def test_a_port_that_is_taken_is_named_and_the_other_given_back() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, socket.socket(type=socket.SOCK_DGRAM) as again:
        taken.bind((str(HERE), 0))
        free = udp.bind(HERE, 0, 0)
        port = free.port
        free.close()
        with pytest.raises(OSError, match=f"UDP port {taken.getsockname()[1]} of 127.0.0.1: "):
            udp.bind(HERE, port, taken.getsockname()[1])
        again.bind((str(HERE), port))


def test_port_0_takes_two_free_ones() -> None:
    sockets = udp.bind(HERE, 0, 0)
    try:
        assert 0 < sockets.port != sockets.nat_port > 0
    finally:
        sockets.close()
