"""IKE with strongSwan: every suite in either role, refusals, deletes and rekeys, until both ends list the same.

Each test has a network namespace of its own with a fresh charon in it. The gateway is the product's, in this process,
because keys are compared as well, and the product shows none; the program itself is served at the end.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path

import pytest
from lxml import etree
from ncclient import manager

from agent.core.events import (
    DeletionReason,
    FailureReason,
    IkeNegotiationFailed,
    IkeSaDeleted,
    IpsecDeletionReason,
    IpsecNegotiationFailed,
    IpsecSaDeleted,
    PeerUnreachable,
)
from agent.core.ike.phase1 import Role
from agent.core.world import SECOND
from agent.transport import udp
from tests.support import charon
from tests.support.charon import Charon, Connection
from tests.support.live_gateway import LiveGateway, live_gateway
from tests.support.namespaces import Namespace, namespace
from tests.support.real_tunnel import RealTunnel
from tests.support.served import served

LACKING = charon.lacking()
pytestmark = pytest.mark.skipif(LACKING is not None, reason=str(LACKING))

SUITES = [
    (phase1, phase2 + secrecy)
    for phase1, phase2 in (
        ("3des-md5-modp1024", "3des-md5"),
        ("3des-sha1-modp1024", "null-sha1"),
        ("des-md5-modp768", "des-md5"),
        ("des-sha1-modp1024", "des-sha1"),
    )
    for secrecy in ("", "-modp768" if "768" in phase1 else "-modp1024")
]
"""Phase 1 and phase 2; the latter with perfect forward secrecy where it has a group."""
TUNNEL, CONNECTION = RealTunnel(), Connection()
"""The two ends of a tunnel, which agree."""
IKE, IPSEC = "urn:ipsec-agent:ike", "urn:ipsec-agent:ipsec"
NOWHERE = 5999
"""A port of the peer at which nobody is: the device's own negotiation gets no answer."""


class Lab:
    """A namespace with charon in it, and the gateway once it is begun."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._namespace: Namespace = stack.enter_context(namespace("10.78.2.1/32", "fd78::1/128", "fd78::2/128"))

    def begin(
        self, connection: Connection, tunnel: RealTunnel, ports: tuple[int, int] = (500, 4500), uses: int = 1
    ) -> tuple[LiveGateway, Charon]:
        """Start charon, then a gateway that begins to negotiate."""
        running = self._stack.enter_context(charon.charon(self._folder, self._namespace, connection))
        address = ip_address(tunnel.local)
        sockets = self._namespace.within(lambda: udp.bind(address, *ports))
        scenario = tunnel.write(self._folder)
        alive = live_gateway(scenario, sockets, lambda: running.log_tail, exponent_uses=uses)
        gateway = self._stack.enter_context(alive)
        gateway.leap_to_negotiation()
        return gateway, running

    def establish(
        self,
        tunnel: RealTunnel = TUNNEL,
        connection: Connection = CONNECTION,
        ports: tuple[int, int] = (500, 4500),
    ) -> tuple[LiveGateway, Charon]:
        """Have the gateway negotiate all there is to."""
        gateway, peer = self.begin(connection, tunnel, ports)
        gateway.until(lambda: gateway.tunnel.current, "a pair of IPsec SAs")
        gateway.until(lambda: spis(peer) == {spis_of(gateway)}, "the same pair at charon")
        return gateway, peer


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with ExitStack() as stack:
        yield Lab(tmp_path, stack)


def assert_both_list_the_same(gateway: LiveGateway, peer: Charon) -> None:
    (ours,), (theirs,) = gateway.matured, peer.ike_sas()
    assert ours.initiator_cookie.hex() == theirs["initiator-spi"]
    assert ours.responder_cookie.hex() == theirs["responder-spi"]
    (child,) = theirs.children
    (pair,) = gateway.tunnel.pairs
    assert (pair.inbound.spi, pair.outbound.spi) == (int(child["spi-out"], 16), int(child["spi-in"], 16))


def assert_keys_are_charons(gateway: LiveGateway, peer: Charon, role: Role) -> None:
    """The keys that charon names after the initiator protect what the initiator sends."""
    (pair,) = gateway.tunnel.pairs
    initiators, responders = (pair.outbound, pair.inbound) if role is Role.INITIATOR else (pair.inbound, pair.outbound)
    for sa, name in ((initiators, "initiator"), (responders, "responder")):
        assert peer.logged_octets(f"integrity {name} key") == [sa.keys.authentication]
        assert peer.logged_octets(f"encryption {name} key") == ([sa.keys.encryption] if sa.keys.encryption else [])


@pytest.mark.parametrize("mode", ["main", "aggressive"])
@pytest.mark.parametrize(("proposal", "esp_proposal"), SUITES, ids=[" then ".join(suite) for suite in SUITES])
def test_the_device_begins_and_both_ends_come_to_the_same(
    lab: Lab, mode: str, proposal: str, esp_proposal: str
) -> None:
    tunnel = RealTunnel(mode=mode, proposal=proposal, esp_proposal=esp_proposal)
    gateway, peer = lab.establish(tunnel, Connection(mode=mode, proposals=proposal, esp_proposals=esp_proposal))
    (sa,) = gateway.matured
    assert sa.role is Role.INITIATOR
    assert_both_list_the_same(gateway, peer)
    assert_keys_are_charons(gateway, peer, Role.INITIATOR)
    assert not gateway.seen(IkeNegotiationFailed)


@pytest.mark.parametrize("mode", ["main", "aggressive"])
@pytest.mark.parametrize(("proposal", "esp_proposal"), SUITES, ids=[" then ".join(suite) for suite in SUITES])
def test_charon_begins_and_both_ends_come_to_the_same(lab: Lab, mode: str, proposal: str, esp_proposal: str) -> None:
    tunnel = RealTunnel(mode=mode, proposal=proposal, esp_proposal=esp_proposal, remote_port=NOWHERE)
    gateway, peer = lab.begin(Connection(mode=mode, proposals=proposal, esp_proposals=esp_proposal), tunnel)
    code, said = gateway.during(peer.swanctl("--initiate", "--child", "c", "--timeout", "30"))
    assert code == 0, said
    gateway.until(lambda: gateway.tunnel.pairs, "a pair of IPsec SAs: message 3 may still be on its way")
    (sa,) = gateway.matured
    assert sa.role is Role.RESPONDER
    assert_both_list_the_same(gateway, peer)
    assert_keys_are_charons(gateway, peer, Role.RESPONDER)


def test_charon_comes_to_the_same_with_a_device_that_uses_a_private_value_again(lab: Lab) -> None:
    gateway, peer = lab.begin(CONNECTION, TUNNEL, uses=2)
    gateway.until(lambda: gateway.tunnel.current and spis(peer), "a pair of IPsec SAs")
    assert gateway.do(lambda device: device.clear_ike_sas()) == 1
    gateway.until(lambda: gateway.matured and cookies_of(peer) == cookies(gateway), "another IKE SA alone")
    gateway.until(lambda: gateway.tunnel.rekeys == 1 and spis(peer) == {spis_of(gateway)}, "the same pair at charon")
    pair = gateway.tunnel.current
    assert pair is not None
    assert peer.logged_octets("encryption initiator key")[-1] == pair.outbound.keys.encryption
    assert peer.logged_octets("encryption responder key")[-1] == pair.inbound.keys.encryption
    first_secret, second_secret = peer.logged_octets("shared Diffie Hellman secret")
    assert first_secret != second_secret, "charon's own value is another"


@pytest.mark.parametrize(
    ("ports", "tunnel"),
    [
        ((16500, 16501), TUNNEL),
        ((500, 4500), RealTunnel(local="fd78::1", remote="fd78::2")),
    ],
    ids=["other ports than 500", "IPv6"],
)
def test_every_path_carries_it(lab: Lab, ports: tuple[int, int], tunnel: RealTunnel) -> None:
    gateway, peer = lab.establish(tunnel, Connection(local=tunnel.remote, remote=tunnel.local), ports)
    assert_both_list_the_same(gateway, peer)
    (sa,) = gateway.matured
    assert (sa.local.port, sa.remote.port) == (ports[1], charon.NAT_PORT)
    assert set(gateway.carrier.losses.values()) == {0}


# Refusals


def test_charon_refuses_what_it_does_not_want_in_phase_1(lab: Lab) -> None:
    gateway, peer = lab.begin(Connection(proposals="3des-sha1-modp1024"), TUNNEL)
    await_failure(gateway, FailureReason.NO_PROPOSAL_CHOSEN)
    assert peer.ike_sas() == gateway.matured == []


def test_the_device_refuses_what_it_does_not_want_in_phase_1(lab: Lab) -> None:
    tunnel = RealTunnel(remote_port=NOWHERE)
    gateway, peer = lab.begin(Connection(proposals="3des-sha1-modp1024"), tunnel)
    code, said = gateway.during(peer.swanctl("--initiate", "--child", "c", "--timeout", "30"))
    assert code != 0
    assert "received NO_PROPOSAL_CHOSEN error notify" in said
    await_failure(gateway, FailureReason.NO_PROPOSAL_CHOSEN)
    assert peer.ike_sas() == gateway.matured == []


def test_charon_refuses_what_it_does_not_want_in_phase_2(lab: Lab) -> None:
    gateway, peer = lab.begin(Connection(esp_proposals="des-sha1"), TUNNEL)
    await_phase2_failure(gateway, FailureReason.NO_PROPOSAL_CHOSEN)
    assert peer.child_sas() == []
    assert gateway.tunnel.pairs == ()


def test_the_device_refuses_what_it_does_not_want_in_phase_2(lab: Lab) -> None:
    gateway, peer = lab.begin(Connection(esp_proposals="des-sha1"), RealTunnel(remote_port=NOWHERE))
    code, said = gateway.during(peer.swanctl("--initiate", "--child", "c", "--timeout", "30"))
    assert code != 0
    assert "received NO_PROPOSAL_CHOSEN error notify" in said
    await_phase2_failure(gateway, FailureReason.NO_PROPOSAL_CHOSEN)
    assert peer.child_sas() == []
    assert gateway.tunnel.pairs == ()


def test_traffic_that_the_device_has_no_security_association_for_is_refused(lab: Lab) -> None:
    gateway, peer = lab.begin(Connection(remote_ts="10.99.0.0/24"), RealTunnel(remote_port=NOWHERE))
    code, said = gateway.during(peer.swanctl("--initiate", "--child", "c", "--timeout", "30"))
    assert code != 0
    assert "received INVALID_ID_INFORMATION error notify" in said
    assert gateway.tunnel.pairs == ()


def test_another_pre_shared_key_fails_at_both_ends_when_the_device_begins_in_aggressive_mode(lab: Lab) -> None:
    gateway, peer = lab.begin(Connection(mode="aggressive", secret="another"), RealTunnel(mode="aggressive"))
    await_failure(gateway, FailureReason.AUTHENTICATION_FAILED)
    assert gateway.seen(PeerUnreachable) == []
    assert peer.ike_sas() == gateway.matured == []
    assert not peer.found("IKE_SA .* established")


def test_another_pre_shared_key_fails_at_both_ends_when_charon_begins_in_aggressive_mode(lab: Lab) -> None:
    tunnel = RealTunnel(mode="aggressive", remote_port=NOWHERE)
    gateway, peer = lab.begin(Connection(mode="aggressive", secret="another"), tunnel)
    code, said = gateway.during(peer.swanctl("--initiate", "--child", "c", "--timeout", "30"))
    assert code != 0
    assert "calculated HASH does not match HASH payload" in said
    gateway.until(lambda: any(gateway.device.ike_statistics.dropped.values()), "that its refusal has come, unreadable")
    gateway.leap_on(60 * SECOND)
    nobody, charons = gateway.seen(IkeNegotiationFailed)
    assert nobody.reason is FailureReason.TIMEOUT  # the device's own, to where there is nobody
    assert charons.reason is FailureReason.AUTHENTICATION_FAILED
    assert peer.ike_sas() == gateway.matured == []


def test_another_pre_shared_key_fails_at_both_ends_when_the_device_begins(lab: Lab) -> None:
    gateway, peer = lab.begin(Connection(secret="another"), TUNNEL)
    gateway.until(lambda: "message parsing failed" in peer.log, "that charon cannot read message 5")
    gateway.until(lambda: any(gateway.device.ike_statistics.dropped.values()), "that its answer has come, unreadable")
    gateway.leap_on(60 * SECOND)
    assert gateway.seen(IkeNegotiationFailed)[0].reason is FailureReason.AUTHENTICATION_FAILED
    assert gateway.seen(PeerUnreachable) == []
    assert peer.ike_sas() == gateway.matured == []


def test_another_pre_shared_key_fails_at_both_ends_when_charon_begins(lab: Lab) -> None:
    gateway, peer = lab.begin(Connection(secret="another"), RealTunnel(remote_port=NOWHERE))
    code, said = gateway.during(peer.swanctl("--initiate", "--child", "c", "--timeout", "1"))
    assert code != 0
    assert "CHILD_SA 'c' not established" in said
    await_failure(gateway, FailureReason.AUTHENTICATION_FAILED)
    assert peer.ike_sas() == gateway.matured == []


def await_failure(gateway: LiveGateway, reason: FailureReason) -> None:
    gateway.until(lambda: gateway.seen(IkeNegotiationFailed), "a failed negotiation")
    assert {failed.reason for failed in gateway.seen(IkeNegotiationFailed)} == {reason}


def await_phase2_failure(gateway: LiveGateway, reason: FailureReason) -> None:
    gateway.until(lambda: gateway.seen(IpsecNegotiationFailed), "a failed negotiation of phase 2")
    assert {failed.reason for failed in gateway.seen(IpsecNegotiationFailed)} == {reason}


@pytest.mark.parametrize(("ours", "theirs"), [("main", "aggressive"), ("aggressive", "main")])
def test_charon_is_refused_when_it_begins_in_the_other_mode(lab: Lab, ours: str, theirs: str) -> None:
    gateway, peer = lab.begin(Connection(mode=theirs), RealTunnel(mode=ours, remote_port=NOWHERE))
    code, said = gateway.during(peer.swanctl("--initiate", "--child", "c", "--timeout", "30"))
    assert code != 0
    assert "received INVALID_SYNTAX error notify" in said  # 7: what IKEv1 calls INVALID-EXCHANGE-TYPE
    assert peer.ike_sas() == gateway.matured == []


# Lifetimes and signs of life


def test_of_two_lifetimes_the_shorter_one_holds(lab: Lab) -> None:
    gateway, peer = lab.begin(Connection(more="rekey_time = 5h"), RealTunnel(remote_port=NOWHERE))
    code, said = gateway.during(peer.swanctl("--initiate", "--child", "c", "--timeout", "30"))
    assert code == 0, said
    gateway.until(lambda: gateway.tunnel.pairs, "a pair of IPsec SAs")
    (sa,) = gateway.matured
    assert sa.remaining_seconds is not None
    assert 3590 <= sa.remaining_seconds <= 3600


def test_charon_answers_the_device_that_asks_whether_it_is_there(lab: Lab) -> None:
    gateway, peer = lab.establish(RealTunnel(probes_dead_peers=True))
    gateway.leap_on(10 * SECOND)
    gateway.until(lambda: len(peer.found(r"generating INFORMATIONAL_V1 .* N\(DPD_ACK\)")) == 1, "an answer")
    gateway.live(0.1)
    gateway.leap_on(10 * SECOND)
    gateway.until(lambda: len(peer.found(r"generating INFORMATIONAL_V1 .* N\(DPD_ACK\)")) == 2, "another one")
    gateway.live(0.1)
    assert len(gateway.matured) == 1
    assert gateway.seen(PeerUnreachable) == []


def test_the_device_gives_charon_up_that_does_not_answer(lab: Lab) -> None:
    gateway, peer = lab.establish(RealTunnel(probes_dead_peers=True))
    peer.freeze()
    gateway.leap_on(30 * SECOND)
    assert [event.remote_address for event in gateway.seen(PeerUnreachable)] == [ip_address("127.0.0.2")]
    assert [event.reason for event in gateway.seen(IkeSaDeleted)] == [DeletionReason.PEER_UNREACHABLE]


def test_the_device_answers_charon_that_asks_whether_it_is_there(lab: Lab) -> None:
    gateway, peer = lab.establish(connection=Connection(more="dpd_delay = 1s"))
    gateway.until(lambda: peer.found(r"parsed INFORMATIONAL_V1 .* N\(DPD_ACK\)"), "the answer")
    assert cookies_of(peer) == cookies(gateway)


def test_charon_gives_the_device_up_that_does_not_answer(lab: Lab) -> None:
    gateway, peer = lab.establish(connection=Connection(more="dpd_delay = 1s\n  dpd_timeout = 2s"))
    assert len(gateway.matured) == 1
    # The device lives only while somebody waits for it.
    peer.await_log("DPD check timed out")
    peer.await_children(0)
    assert peer.ike_sas() == []


# Network address translation


def test_both_ends_take_the_other_for_one_behind_a_translator_and_go_on_within_udp(lab: Lab) -> None:
    """Without the kernel charon has no other data plane than packets within UDP, and pretends that it needs it."""
    gateway, peer = lab.establish()
    (sa,), (theirs,) = gateway.matured, peer.ike_sas()
    assert sa.nat.is_remote_behind_nat
    assert (sa.local.port, sa.remote.port) == (4500, charon.NAT_PORT)
    assert (theirs["remote-port"], theirs["local-port"]) == ("4500", str(charon.NAT_PORT))
    assert theirs["nat-fake"] == "yes"
    (child,) = theirs.children
    assert child["encap"] == "yes"
    assert peer.found("received NAT-T \\(RFC 3947\\) vendor ID")
    assert gateway.seen(IkeNegotiationFailed) == []


# Deletes


def test_charon_hears_that_the_device_deletes_its_ipsec_sas_and_gets_new_ones(lab: Lab) -> None:
    gateway, peer = lab.establish()
    (before,) = peer.child_sas()
    assert gateway.do(lambda device: device.clear_ipsec_sas("real")) == 2
    gateway.until(lambda: gateway.tunnel.current, "another pair")
    gateway.until(lambda: spis(peer) == {spis_of(gateway)}, "the same pair at charon alone")
    assert before["spi-in"] not in {child["spi-in"] for child in peer.child_sas()}
    assert len(gateway.matured) == len(peer.ike_sas()) == 1


def test_charon_hears_that_the_device_deletes_its_ike_sa_and_gets_a_new_one(lab: Lab) -> None:
    gateway, peer = lab.establish()
    (before,) = peer.ike_sas()
    assert gateway.do(lambda device: device.clear_ike_sas()) == 1
    gateway.until(lambda: gateway.matured, "another IKE SA")
    gateway.until(lambda: cookies_of(peer) == cookies(gateway), "the same IKE SA alone")
    assert before["initiator-spi"] not in cookies(gateway)
    # charon has dropped the pair with its IKE SA.
    gateway.until(lambda: spis(peer) == {spis_of(gateway)}, "the same pair at charon")
    assert gateway.tunnel.rekeys == 1


def test_the_device_hears_that_charon_deletes_an_ipsec_sa_and_negotiates_anew(lab: Lab) -> None:
    gateway, peer = lab.establish()
    before = spis_of(gateway)
    code, said = gateway.during(peer.swanctl("--terminate", "--child", "c"))
    assert code == 0, said
    gateway.until(lambda: gateway.seen(IpsecSaDeleted), "the delete")
    (deleted,) = gateway.seen(IpsecSaDeleted)
    assert (deleted.reason, deleted.inbound_spi) == (IpsecDeletionReason.PEER_DELETED, before[0])
    gateway.until(lambda: gateway.tunnel.current, "another pair")
    gateway.until(lambda: spis(peer) == {spis_of(gateway)}, "the same pair at charon")


def test_the_device_hears_that_charon_deletes_the_ike_sa_and_negotiates_anew(lab: Lab) -> None:
    gateway, peer = lab.establish()
    code, said = gateway.during(peer.swanctl("--terminate", "--ike", "t"))
    assert code == 0, said
    gateway.until(lambda: gateway.seen(IkeSaDeleted), "the delete")
    assert [deleted.reason for deleted in gateway.seen(IkeSaDeleted)] == [DeletionReason.PEER_DELETED]
    gateway.until(lambda: gateway.matured, "another IKE SA")
    gateway.until(lambda: spis(peer) == {spis_of(gateway)}, "the same pair at charon")


# Rekeys


def test_a_pair_that_the_device_rekeys_is_charons_as_well(lab: Lab) -> None:
    gateway, peer = lab.establish(RealTunnel(esp_lifetime_seconds=600))
    pair = gateway.tunnel.current
    assert pair is not None
    assert pair.inbound.soft_lifetime is not None
    gateway.leap(pair.inbound.soft_lifetime.ends_at)
    gateway.until(lambda: gateway.tunnel.rekeys == 1, "the rekey")
    assert pair.is_retired
    gateway.until(lambda: spis_of(gateway) in spis(peer), "the new pair at charon")
    assert pair.handover is not None
    gateway.leap(pair.handover.at)
    gateway.until(lambda: spis(peer) == {spis_of(gateway)}, "the new pair alone at charon")
    assert len(gateway.tunnel.pairs) == len(gateway.matured) == 1


def test_a_pair_that_charon_rekeys_is_the_devices_as_well(lab: Lab) -> None:
    gateway, peer = lab.establish()
    before = spis_of(gateway)
    code, said = gateway.during(peer.swanctl("--rekey", "--child", "c"))
    assert code == 0, said
    gateway.until(lambda: gateway.tunnel.rekeys == 1, "the rekey")
    assert spis_of(gateway) != before
    gateway.until(lambda: spis(peer) == {spis_of(gateway)}, "the new pair alone at charon")
    # However soon it comes after the first: nothing was in negotiation at both ends at once.
    assert [pair.is_retired for pair in gateway.tunnel.pairs] in ([False], [True, False])


def test_an_ike_sa_that_the_device_replaces_is_replaced_at_charon(lab: Lab) -> None:
    gateway, peer = lab.establish()
    before, (sa,) = cookies(gateway), gateway.matured
    assert sa.expires_at is not None
    gateway.leap(sa.expires_at - 360 * SECOND)
    gateway.until(lambda: len(gateway.matured) == 1 and cookies(gateway) != before, "another IKE SA alone")
    gateway.until(lambda: cookies_of(peer) == cookies(gateway), "the same at charon")
    gateway.until(lambda: spis(peer) == {spis_of(gateway)}, "a pair at both ends")


def test_an_ike_sa_that_charon_negotiates_anew_is_the_one_that_the_device_uses(lab: Lab) -> None:
    gateway, peer = lab.establish()
    settle(gateway)
    (old,) = gateway.matured
    code, said = gateway.during(peer.swanctl("--rekey", "--ike", "t"))
    assert code == 0, said
    gateway.until(lambda: len(gateway.matured) == 2, "another IKE SA")  # charon leaves the old one to its end
    gateway.until(lambda: cookies_of(peer) == cookies(gateway)[1:], "the same at charon")
    gateway.do(lambda device: device.clear_ipsec_sas("real"))
    gateway.until(lambda: gateway.tunnel.current, "another pair")
    assert gateway.tunnel.current is not None
    assert gateway.tunnel.current.ike_sa is not old
    gateway.until(lambda: spis(peer) == {spis_of(gateway)}, "the same pair alone at charon")


def settle(gateway: LiveGateway) -> None:
    """Let so much device time pass that what the peer begins next cannot have begun together with what there is."""
    gateway.leap_on(60 * SECOND)


def spis(peer: Charon) -> set[tuple[int, int]]:
    """The pairs at charon, as the device sees their SPIs: inbound and outbound."""
    return {(int(child["spi-out"], 16), int(child["spi-in"], 16)) for child in peer.child_sas()}


def spis_of(gateway: LiveGateway) -> tuple[int, int]:
    pair = gateway.tunnel.current
    return (pair.inbound.spi, pair.outbound.spi) if pair is not None else (0, 0)


def cookies(gateway: LiveGateway) -> list[str]:
    return [sa.initiator_cookie.hex() for sa in gateway.matured]


def cookies_of(peer: Charon) -> list[str]:
    return [sa["initiator-spi"] for sa in peer.ike_sas()]


# The program


def get(channel: socket.socket) -> bytes:
    """Return everything that the program shows, over a connection to it."""
    login = {"username": "admin", "password": "admin", "hostkey_verify": False}
    with manager.connect(sock=channel, host=None, look_for_keys=False, allow_agent=False, **login) as session:
        return str(session.get().data_xml).encode()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_program_negotiates_with_charon_and_shows_what_charon_lists(tmp_path: Path) -> None:
    with ExitStack() as stack:
        made = stack.enter_context(namespace("10.78.2.1/32"))
        peer = stack.enter_context(charon.charon(tmp_path, made, CONNECTION))
        options = ("--scenario", str(TUNNEL.write(tmp_path)), "--ike", "127.0.0.1")
        server = stack.enter_context(served(tmp_path / "state", *options, within=made.command()))
        assert server.ike == (("127.0.0.1", 500), ("127.0.0.1", 4500))
        peer.await_children(1)
        (theirs,) = peer.ike_sas()
        (child,) = theirs.children
        channel = made.within(lambda: socket.create_connection((server.host, server.port), charon.SECONDS))
        shown = etree.fromstring(get(channel))
    assert shown.findtext(f".//{{{IKE}}}initiator-cookie") == theirs["initiator-spi"]
    assert shown.findtext(f".//{{{IKE}}}responder-cookie") == theirs["responder-spi"]
    spis = {(sa.findtext("{*}direction"), sa.findtext("{*}spi")) for sa in shown.iter(f"{{{IPSEC}}}sa")}
    assert spis == {("inbound", str(int(child["spi-out"], 16))), ("outbound", str(int(child["spi-in"], 16)))}
