"""Real packets through the device to a real gateway, and back: strongSwan, with its data plane in user space.

The device is in one network namespace, with a TUN interface, and strongSwan in another. Echoes go all the way: from a
host behind the one gateway to one behind the other, and their answers back.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.core.events import InterfaceSwitched, IpsecSaDeleted, IpsecSaRekeyed
from agent.core.pic import PicCommand
from tests.support import charon, echo
from tests.support.charon import Charon, Connection
from tests.support.live_gateway import LiveGateway
from tests.support.namespaces import Namespace, join, namespace
from tests.support.real_packets import HOST_HERE, HOST_THERE, TUN, begin
from tests.support.real_tunnel import RealTunnel

LACKING = charon.lacking()
pytestmark = pytest.mark.skipif(LACKING is not None, reason=str(LACKING))

HERE, THERE = "192.0.2.1", "192.0.2.2"
PIC, BACKUP = "es-1/3/0", "es-1/1/0"
ECHOES, OCTETS, INTERVAL_MS = 1000, 1300, 2
SUITES = [
    ("3des-md5-modp1024", "3des-md5"),
    ("des-md5-modp768", "des-md5"),
    ("3des-sha1-modp1024", "null-sha1"),
    ("des-sha1-modp1024", "des-sha1"),
]
UNDER_WAY = echo.OUTSTANDING
"""Echoes that may be between the ends at once."""


@dataclass(frozen=True)
class Two(RealTunnel):
    """A tunnel at a PIC that has a backup."""

    def _interface(self) -> str:
        """Return the interface, and the one that backs it up."""
        options = f"""<es-options xmlns="urn:ipsec-agent:interfaces">
        <backup-interface>{BACKUP}</backup-interface></es-options>"""
        entry = f"""<interface><name>{BACKUP}</name>
      <type xmlns:esif="urn:ipsec-agent:interfaces">esif:es-pic</type></interface>"""
        unit = '<unit xmlns="urn:ipsec-agent:interfaces">'
        return super()._interface().replace(unit, options + unit).replace("</interfaces>", f"{entry}</interfaces>")


@dataclass(frozen=True)
class Asked:
    """What became of echoes."""

    answered: int
    twice: int


class Lab:
    """Both namespaces, and what runs in them once it is begun."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.here: Namespace = stack.enter_context(namespace())
        self.there: Namespace = stack.enter_context(namespace(f"{HOST_THERE}/32"))
        join(self.here, f"{HERE}/24", self.there, f"{THERE}/24")

    def establish(self, proposal: str, esp_proposal: str) -> tuple[LiveGateway, Charon]:
        """Start both gateways, and have them negotiate."""
        ends = {"local": HERE, "remote": THERE}
        tunnel = Two(proposal=proposal, esp_proposal=esp_proposal, **ends)  # type: ignore[arg-type]
        connection = Connection(
            proposals=proposal, esp_proposals=esp_proposal, local=THERE, remote=HERE, more="rekey_time = 0"
        )
        peer = self._stack.enter_context(charon.charon(self._folder, self.there, connection, is_verbose=False))
        self.there.ip("route", "add", "10.78.1.0/24", "dev", "ipsec0", "src", HOST_THERE)
        gateway = begin(self._stack, self.here, self._folder, tunnel, lambda: peer.log_tail)
        gateway.until(lambda: gateway.tunnel.current, "a pair of IPsec SAs")
        gateway.until(lambda: len(peer.child_sas()) == 1, "a pair at charon")
        return gateway, peer


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with ExitStack() as stack:
        yield Lab(tmp_path, stack)


def asking(namespace_: Namespace, host: str) -> list[str]:
    """Return the command that asks for the echoes."""
    program = [sys.executable, str(Path(echo.__file__)), host]
    return namespace_.command(*program, str(ECHOES), str(OCTETS), str(INTERVAL_MS))


def ask(gateway: LiveGateway, namespace_: Namespace, host: str) -> Asked:
    """Ask for all the echoes, and return what became of them."""
    code, said = gateway.during(asking(namespace_, host))
    assert code == 0, said
    return asked(said)


def asked(said: str) -> Asked:
    """Return what the program has said last."""
    found = json.loads(said.splitlines()[-1])
    return Asked(found["answered"], found["twice"])


def assert_the_counters_agree(gateway: LiveGateway, peer: Charon) -> None:
    """Of the pair there is: packets and octets, both ways; the octets are those within the protection."""
    (pair,) = [each for each in gateway.tunnel.pairs if not each.is_retired]
    child = next(each for each in peer.child_sas() if int(each["spi-in"], 16) == pair.outbound.spi)
    outbound, inbound = pair.outbound.statistics, pair.inbound.statistics
    assert (outbound.packets, inbound.packets) == (int(child["packets-in"]), int(child["packets-out"]))
    assert (outbound.bytes, inbound.bytes) == (int(child["bytes-in"]), int(child["bytes-out"]))


@pytest.mark.parametrize(("proposal", "esp_proposal"), SUITES, ids=[suite[1] for suite in SUITES])
def test_a_thousand_echoes_pass_each_way(lab: Lab, proposal: str, esp_proposal: str) -> None:
    gateway, peer = lab.establish(proposal, esp_proposal)
    assert ask(gateway, lab.here, HOST_THERE) == Asked(ECHOES, 0)
    assert ask(gateway, lab.there, HOST_HERE) == Asked(ECHOES, 0)
    assert gateway.tunnel.outbound.packets == gateway.tunnel.inbound.packets == 2 * ECHOES
    assert gateway.tunnel.outbound.bytes == 2 * ECHOES * OCTETS
    assert_the_counters_agree(gateway, peer)
    pic = gateway.device.interfaces[PIC].statistics
    assert (pic.in_packets, pic.out_packets) == (2 * ECHOES, 2 * ECHOES)
    assert pic.replay_drops == pic.authentication_failures == pic.policy_drops == 0


def test_no_echo_is_lost_while_the_pair_is_replaced(lab: Lab) -> None:
    gateway, peer = lab.establish(*SUITES[0])
    rekey = peer.swanctl("--rekey", "--child", "c")
    seen = gateway.amid(asking(lab.here, HOST_THERE), lambda: gateway.tunnel.inbound.packets >= 300, rekey)
    assert asked(seen) == Asked(ECHOES, 0)
    assert len(gateway.seen(IpsecSaRekeyed)) == 1
    assert gateway.tunnel.outbound.packets == gateway.tunnel.inbound.packets == ECHOES
    assert gateway.tunnel.current is not None
    assert gateway.tunnel.current.outbound.statistics.packets > 0, "the successor is in use"
    assert_the_counters_agree(gateway, peer)


def test_only_what_is_under_way_is_lost_when_the_pic_fails(lab: Lab) -> None:
    gateway, peer = lab.establish(*SUITES[0])
    gateway.until(lambda: gateway.device.interface_redundancy[PIC].has_standby, "a PIC that stands by")
    seen = gateway.amid(
        asking(lab.there, HOST_HERE),
        lambda: gateway.tunnel.inbound.packets >= 300,
        lambda: gateway.do(lambda device: device.set_pic(PIC, PicCommand.FAULT)),
    )
    came = asked(seen)
    assert came.answered >= ECHOES - UNDER_WAY
    assert came.twice == 0
    assert len(gateway.seen(InterfaceSwitched)) == 1
    assert gateway.seen(IpsecSaDeleted) == [], "the pair is inherited"
    one, other = (gateway.device.interfaces[each].statistics for each in (PIC, BACKUP))
    assert one.in_packets >= 300
    assert one.in_packets + other.in_packets == gateway.tunnel.inbound.packets
    assert one.out_packets + other.out_packets == gateway.tunnel.outbound.packets
    assert other.out_packets > 0
    assert_the_counters_agree(gateway, peer)


@pytest.mark.parametrize(
    ("options", "complaint"), [(("--time-scale", "10"), "time scale 1"), (("--tun", "x" * 16), "name")]
)
def test_an_interface_that_cannot_be_is_refused(tmp_path: Path, options: tuple[str, ...], complaint: str) -> None:
    words = [
        sys.executable,
        "-m",
        "agent",
        "serve",
        "--tun",
        TUN,
        "--listen",
        "127.0.0.1:0",
        "--state-dir",
        str(tmp_path),
    ]
    done = subprocess.run([*words, *options], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode in (1, 2)
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
