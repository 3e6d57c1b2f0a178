"""Real packets between two devices, each in a network namespace: every protocol, either version of IP, a narrow path.

One device is in this process, the other is the program. Nothing translates addresses, so that raw sockets carry it all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from agent.core.ipsec.sa import SaProtocol
from tests.interop.test_tun import UNDER_WAY, Asked, asked
from tests.support import echo, namespaces
from tests.support.live_gateway import LiveGateway
from tests.support.namespaces import Namespace, join, namespace
from tests.support.real_packets import HOST_THERE, TUN, begin
from tests.support.real_tunnel import RealTunnel
from tests.support.served import served

LACKING = namespaces.lacking()
pytestmark = pytest.mark.skipif(LACKING is not None, reason=str(LACKING))

ECHOES, OCTETS, INTERVAL_MS = 200, 1300, 2
IPV4, IPV6 = ("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")
ROUTED_IPV4, ROUTED_IPV6 = ("192.0.2.1", "198.51.100.2"), ("2001:db8:1::1", "2001:db8:2::2")
NARROW_MTU = 1280


@dataclass(frozen=True)
class Tunnel(RealTunnel):
    """A tunnel by any protocol."""

    protocol: str = "esp"

    def configuration(self) -> str:
        """Return the device's configuration."""
        return super().configuration().replace("<protocol>esp<", f"<protocol>{self.protocol}<")


class Pair:
    """Two namespaces with a device in each."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.here: Namespace = stack.enter_context(namespace())
        self.there: Namespace = stack.enter_context(namespace(f"{HOST_THERE}/32"))

    def join(self, local: str, remote: str) -> tuple[str, str]:
        """Lay a cable between both, and return the names of its ends."""
        length = 64 if ":" in local else 24
        return join(self.here, f"{local}/{length}", self.there, f"{remote}/{length}")

    def join_by_narrow_path(self, local: str, remote: str) -> None:
        """Have a router between both, behind which packets must be shorter."""
        router = self._stack.enter_context(namespace())
        is_ipv6 = ":" in local
        length, forwarding = (64, "ipv6/conf/all/forwarding") if is_ipv6 else (24, "ipv4/ip_forward")
        for end, address in ((self.here, local), (self.there, remote)):
            hop = str(ip_network(f"{address}/{length}", strict=False)[-2])
            join(end, f"{address}/{length}", router, f"{hop}/{length}")
            end.ip("route", "add", "default", "via", hop)
        router.within(lambda: (Path("/proc/sys/net") / forwarding).write_text("1"))
        router.ip("route", "add", f"{remote}/{128 if is_ipv6 else 32}", "via", remote, "mtu", str(NARROW_MTU))

    def establish(self, local: str, remote: str, protocol: str = "esp", esp_proposal: str = "3des-md5") -> LiveGateway:
        """Start both devices, and have them negotiate."""
        (self._folder / "there").mkdir()
        what = {"protocol": protocol, "esp_proposal": esp_proposal, "remote_port": 500, "remote_nat_port": 4500}
        back = {"local_prefix": "10.78.2.0/24", "remote_prefix": "10.78.1.0/24"}
        theirs = Tunnel(local=remote, remote=local, **what, **back)  # type: ignore[arg-type]
        options = ("--scenario", str(theirs.write(self._folder / "there")), "--tun", TUN)
        ike = f"[{remote}]" if ":" in remote else remote
        self._stack.enter_context(served(self._folder / "s", *options, "--ike", ike, within=self.there.command()))
        self.there.ip("route", "add", "10.78.1.0/24", "dev", TUN, "src", HOST_THERE)
        ours = Tunnel(local=local, remote=remote, **what)  # type: ignore[arg-type]
        gateway = begin(self._stack, self.here, self._folder, ours, lambda: "the other is the program")
        gateway.until(lambda: gateway.tunnel.current, "a pair of IPsec SAs")
        assert not gateway.matured[0].nat.is_detected
        return gateway

    def ask(self, gateway: LiveGateway) -> Asked:
        """Ask for the echoes, from behind the device that is in this process."""
        program = [sys.executable, str(Path(echo.__file__)), HOST_THERE, str(ECHOES), str(OCTETS), str(INTERVAL_MS)]
        code, said = gateway.during(self.here.command(*program))
        assert code == 0, said
        return asked(said)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(tmp_path, stack)


@pytest.mark.parametrize(
    ("ends", "protocol", "esp_proposal", "is_shown_as"),
    [
        (IPV4, "esp", "3des-sha1", SaProtocol.ESP),
        (IPV6, "esp", "3des-md5", SaProtocol.ESP),
        (IPV4, "ah", "null-sha1", SaProtocol.AH),
        (IPV6, "ah", "null-md5", SaProtocol.AH),
        (IPV4, "bundle", "des-sha1", SaProtocol.AH_ESP),
    ],
    ids=["ESP over IPv4", "ESP over IPv6", "AH over IPv4", "AH over IPv6", "a bundle over IPv4"],
)
def test_every_echo_passes_whatever_protects_it(
    pair: Pair, ends: tuple[str, str], protocol: str, esp_proposal: str, is_shown_as: SaProtocol
) -> None:
    pair.join(*ends)
    gateway = pair.establish(*ends, protocol, esp_proposal)
    assert pair.ask(gateway) == Asked(ECHOES, 0)
    assert {sa.protocol for sa in gateway.tunnel.sas.values()} == {is_shown_as}
    assert gateway.tunnel.outbound.packets == gateway.tunnel.inbound.packets == ECHOES
    assert not any(gateway.device.dropped_packets.values())


@pytest.mark.parametrize("ends", [ROUTED_IPV4, ROUTED_IPV6], ids=["IPv4", "IPv6"])
def test_hosts_learn_of_a_path_that_is_narrow_beyond_a_router(pair: Pair, ends: tuple[str, str]) -> None:
    """Only a router's error, which quotes what was protected, can tell; until it does packets are lost."""
    pair.join_by_narrow_path(*ends)
    gateway = pair.establish(*ends)
    came = pair.ask(gateway)
    assert ECHOES - 2 * UNDER_WAY <= came.answered < ECHOES
    assert came.twice == 0
    dropped = {reason.value: count for reason, count in gateway.device.dropped_packets.items() if count}
    assert list(dropped) == ["too-big"], "those whose senders were told"


@pytest.mark.parametrize("ends", [IPV4, IPV6], ids=["IPv4", "IPv6"])
def test_hosts_learn_of_an_interface_of_the_device_that_is_narrow(pair: Pair, ends: tuple[str, str]) -> None:
    """No router tells of it: the kernel refuses what is longer, and says what is not."""
    names = pair.join(*ends)
    gateway = pair.establish(*ends)
    for end, name in zip((pair.here, pair.there), names, strict=True):
        end.ip("link", "set", name, "mtu", str(NARROW_MTU))
    came = pair.ask(gateway)
    assert ECHOES - 2 * UNDER_WAY <= came.answered < ECHOES
    assert came.twice == 0
    dropped = {reason.value: count for reason, count in gateway.device.dropped_packets.items() if count}
    assert list(dropped) == ["too-big"], "those whose senders were told"
