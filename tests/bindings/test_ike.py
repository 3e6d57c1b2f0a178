"""ipsec-agent-ike: what is configured reaches the gateway, and what the gateway holds is what is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from ipaddress import ip_address

import pytest
from lxml import etree

from agent.bindings.ike import IKE, build_ike
from agent.core.config import DhGroup, EncryptionAlgorithm, ExchangeMode, HashAlgorithm, IkeConfig
from agent.core.events import (
    DeletionReason,
    DropReason,
    FailureReason,
    IkeNegotiationFailed,
    IkeSaDeleted,
    IkeSaEstablished,
    Outcome,
    PeerReachable,
    PeerUnreachable,
)
from agent.core.identifiers import Cookie, IkeSaId
from agent.core.ike.flags import IkeSaFlag
from agent.core.ike.phase1 import Role
from agent.core.pic import PIC_BOOT_US
from agent.core.world import Event
from agent.datastore.edit import parse_configuration
from agent.datastore.output import render_notification
from agent.datastore.schema import SchemaNode
from agent.datastore.tree import find
from tests.support.chapter import Emulation, chapter, configured, registry
from tests.support.netconf_wire import error, text, texts

SA = "ike:ike/ike:security-associations/ike:security-association"
FILTER = '<ike xmlns="urn:ipsec-agent:ike"><security-associations/></ike>'
CLEAR = '<clear-ike-security-associations xmlns="urn:ipsec-agent:ike">{}</clear-ike-security-associations>'


def built(xml: str) -> IkeConfig:
    """Return what the binding builds of a configuration."""
    root = parse_configuration(registry().schema, etree.fromstring(f"<config>{xml}</config>"))
    branch = find(registry().schema, root, "/ipsec-agent-ike:ike")
    assert branch is not None
    return build_ike(branch, lambda node, value: value)


def policy_xml(key: str, extra: str = "") -> str:
    """Return two proposals and a policy that prefers the second."""
    proposals = "".join(
        f"<proposal><name>{name}</name><authentication-algorithm>{digest}</authentication-algorithm>"
        f"<encryption-algorithm>{cipher}</encryption-algorithm><dh-group>{group}</dh-group></proposal>"
        for name, digest, cipher, group in (("a", "md5", "des-cbc", "group1"), ("b", "sha1", "3des-cbc", "group2"))
    )
    policy = (
        f"<policy><peer-address>2001:DB8::1</peer-address><proposal>b</proposal><proposal>a</proposal>"
        f"<pre-shared-key>{key}</pre-shared-key>{extra}</policy>"
    )
    return f'<ike xmlns="urn:ipsec-agent:ike">{proposals}{policy}</ike>'


def test_a_policy_keeps_the_order_of_its_proposals_and_gets_the_defaults() -> None:
    (policy,) = built(policy_xml("<ascii-text>secret</ascii-text>")).policies
    assert policy.peer_address == ip_address("2001:db8::1")
    assert [proposal.name for proposal in policy.proposals] == ["b", "a"]
    first = policy.proposals[0]
    assert first.authentication_algorithm is HashAlgorithm.SHA1
    assert first.encryption_algorithm is EncryptionAlgorithm.TRIPLE_DES_CBC
    assert first.dh_group is DhGroup.GROUP2
    assert first.lifetime_seconds == 3600
    assert (policy.mode, policy.remote_port, policy.remote_nat_port) == (ExchangeMode.MAIN, 500, 4500)
    assert policy.pre_shared_key == b"secret"
    assert policy.dead_peer_detection is None


def test_a_hexadecimal_key_is_its_octets() -> None:
    (policy,) = built(policy_xml("<hexadecimal>00ffAB</hexadecimal>")).policies
    assert policy.pre_shared_key == b"\x00\xff\xab"


def test_dead_peer_detection_has_the_defaults_of_the_contract() -> None:
    (policy,) = built(policy_xml("<ascii-text>x</ascii-text>", "<dead-peer-detection/>")).policies
    detection = policy.dead_peer_detection
    assert detection is not None
    assert (detection.interval_seconds, detection.retries, detection.retry_interval_seconds) == (10, 2, 2)


def test_the_sa_that_is_shown_is_the_one_that_two_engines_negotiated() -> None:
    emulation = Emulation()
    data = emulation.connect().get(FILTER)
    (sa,) = emulation.gateway.device.ike_sas.values()
    peer = emulation.gateway.device.peers[ip_address("4.4.4.4")]
    (theirs,) = peer.ike_sas.values()
    assert text(data, f"{SA}/ike:initiator-cookie") == sa.initiator_cookie.hex() == theirs.initiator_cookie.hex()
    assert text(data, f"{SA}/ike:responder-cookie") == sa.responder_cookie.hex() == theirs.responder_cookie.hex()
    assert text(data, f"{SA}/ike:state") == "matured"
    assert text(data, f"{SA}/ike:lifetime-remaining") == str(sa.remaining_seconds)
    assert 3590 < int(text(data, f"{SA}/ike:lifetime-remaining")) < 3600
    assert text(data, f"{SA}/ike:statistics/ike:input-bytes") == str(theirs.statistics.output_bytes)
    assert text(data, f"{SA}/ike:statistics/ike:output-packets") == str(theirs.statistics.input_packets)


def test_the_lifetime_that_is_shown_runs_with_device_time() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    before = wire.get(FILTER)
    emulation.advance(100)
    after = wire.get(FILTER)
    remaining = [int(text(data, f"{SA}/ike:lifetime-remaining")) for data in (before, after)]
    assert remaining[0] - remaining[1] == 100
    assert text(after, f"{SA}/ike:expires-at") == text(before, f"{SA}/ike:expires-at")


def test_an_sa_under_negotiation_is_shown_as_not_matured_without_a_lifetime() -> None:
    data = Emulation(chapter(settle=PIC_BOOT_US)).connect().get(FILTER)
    assert text(data, f"{SA}/ike:state") == "not-matured"
    assert text(data, f"{SA}/ike:responder-cookie") == "0" * 16
    assert texts(data, f"{SA}/ike:lifetime-remaining") == []
    assert texts(data, f"{SA}/ike:algorithms") == []


def test_the_flags_pass_from_waiting_for_done_to_none() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    assert text(wire.get(FILTER), f"{SA}/ike:flags") == "caller-notification-sent waiting-for-done"
    emulation.advance(120)
    assert text(wire.get(FILTER), f"{SA}/ike:flags") == "caller-notification-sent"


def step_to_next_timer(emulation: Emulation) -> None:
    world = emulation.gateway.world
    deadline = world.next_deadline()
    assert deadline is not None
    world.advance(deadline)


def test_a_negotiation_that_a_peer_begins_waits_for_the_policy_manager_in_either_phase() -> None:
    plans = tuple(replace(plan, initiates=True) for plan in chapter().peers)
    emulation = Emulation(chapter(peers=plans, settle=0))
    wire = emulation.connect()
    seen = {f"{SA}/ike:flags": set[str](), f"{SA}/ike:negotiation/ike:flags": set[str]()}
    for _ in range(60):
        step_to_next_timer(emulation)
        data = wire.get(FILTER)
        for path, each in seen.items():
            each.update(texts(data, path))
    for each in seen.values():
        assert "waiting-for-policy-manager" in each
        assert "caller-notification-sent waiting-for-done" in each
        assert not any("waiting-for-policy-manager" in flags for flags in each - {"waiting-for-policy-manager"})


def test_a_negotiation_that_failed_waits_to_be_removed_and_is_then_gone() -> None:
    # The device begins in another mode than the peer has a policy for.
    emulation = Emulation(configured(("<mode>main</mode>", "<mode>aggressive</mode>")))
    wire = emulation.connect()
    failed = wire.get(FILTER)
    first, *_ = texts(failed, f"{SA}/ike:id")
    assert set(texts(failed, f"{SA}/ike:flags")) == {"caller-notification-sent waiting-for-remove"}
    assert set(texts(failed, f"{SA}/ike:state")) == {"not-matured"}
    emulation.advance(60)
    assert first not in texts(wire.get(FILTER), f"{SA}/ike:id")


def test_the_negotiation_of_the_pair_is_shown_with_the_identities_of_the_chapter() -> None:
    data = Emulation().connect().get(FILTER)
    negotiation = f"{SA}/ike:negotiation"
    assert text(data, f"{SA}/ike:ipsec-sas-created") == "2"
    assert text(data, f"{SA}/ike:negotiations-in-progress") == "1"
    assert text(data, f"{negotiation}/ike:local-identity") == "ipv4_subnet(tcp:80,[0..7]=10.1.1.0/24)"
    assert text(data, f"{negotiation}/ike:remote-identity") == "ipv4_subnet(tcp:100,[0..7]=10.1.2.0/24)"
    assert text(data, f"{negotiation}/ike:flags") == "caller-notification-sent waiting-for-done"


def test_clear_of_one_peer_answers_how_many_and_the_cookies_are_new() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    old = text(wire.get(FILTER), f"{SA}/ike:initiator-cookie")
    reply = wire.rpc(CLEAR.format("<peer-address>4.4.4.4</peer-address>"))
    assert text(reply, "ike:cleared") == "1"
    emulation.advance(5)
    data = wire.get(FILTER)
    assert text(data, f"{SA}/ike:state") == "matured"
    assert text(data, f"{SA}/ike:initiator-cookie") != old


def test_clear_of_an_unknown_peer_is_refused_with_the_path_of_the_leaf() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    before = tuple(emulation.gateway.device.ike_sas)
    refused = error(wire.rpc(CLEAR.format("<peer-address>9.9.9.9</peer-address>")))
    assert (refused["error-type"], refused["error-tag"]) == ("application", "invalid-value")
    assert refused["error-app-tag"] == "unknown-peer"
    assert refused["error-path"] == "/ike:clear-ike-security-associations/ike:peer-address"
    assert tuple(emulation.gateway.device.ike_sas) == before


def test_clear_of_a_known_peer_without_an_sa_clears_none() -> None:
    emulation = Emulation(configured(("<ipsec-sa>sa-dynamic</ipsec-sa>", "")))
    reply = emulation.connect().rpc(CLEAR.format("<peer-address>4.4.4.4</peer-address>"))
    assert text(reply, "ike:cleared") == "0"


def test_clear_of_something_that_is_no_address_is_refused() -> None:
    refused = error(Emulation().connect().rpc(CLEAR.format("<peer-address>4.4.4</peer-address>")))
    assert (refused["error-tag"], refused["bad-element"]) == ("invalid-value", "peer-address")


def test_the_statistics_show_every_reason_and_outcome() -> None:
    data = Emulation().connect().get('<ike xmlns="urn:ipsec-agent:ike"><statistics/></ike>')
    assert texts(data, ".//ike:dropped/ike:reason") == [reason.value for reason in DropReason]
    assert texts(data, ".//ike:negotiation-outcome/ike:outcome") == [outcome.value for outcome in Outcome]
    assert texts(data, ".//ike:negotiation-outcome[ike:outcome='established']/ike:count") == ["1"]
    assert text(data, ".//ike:half-open") == "0"


def leaf(path: str) -> SchemaNode:
    """Return a schema node of the module."""
    return registry().schema.node(f"/ipsec-agent-ike:{path}")


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("ike/statistics/dropped/reason", DropReason),
        ("ike/statistics/negotiation-outcome/outcome", Outcome),
        ("ike-sa-deleted/reason", DeletionReason),
        ("ike-negotiation-failed/reason", FailureReason),
        ("ike/security-associations/security-association/role", Role),
        ("ike/security-associations/security-association/exchange-type", ExchangeMode),
        ("ike/proposal/encryption-algorithm", EncryptionAlgorithm),
        ("ike/proposal/authentication-algorithm", HashAlgorithm),
        ("ike/proposal/dh-group", DhGroup),
    ],
)
def test_an_enumeration_of_core_and_that_of_the_module_have_the_same_names(path: str, values: Iterable[Enum]) -> None:
    kind = leaf(path).type
    assert kind is not None
    values = [value for value in values if value is not FailureReason.NAT_WITH_AH]  # which is of phase 2 alone
    for value in values:
        assert kind.parse(value.value) == value.value
    module = registry().schema.modules["ipsec-agent-ike"].source
    for value in values:
        assert f"enum {value.value} " in module


def test_every_flag_of_core_is_a_bit_of_the_module() -> None:
    kind = leaf("ike/security-associations/security-association/flags").type
    assert kind is not None
    every = " ".join(flag.value for flag in IkeSaFlag)
    assert kind.parse(every) == every


COOKIES = (Cookie(b"\x01" * 8), Cookie(b"\x02" * 8))
PEER = ip_address("4.4.4.4")
NAMED = "<id>7</id><remote-address>4.4.4.4</remote-address><initiator-cookie>0101010101010101</initiator-cookie>"
NAMED += "<responder-cookie>0202020202020202</responder-cookie>"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (IkeSaEstablished(0, IkeSaId(7), PEER, *COOKIES), f"ike-sa-established|{NAMED}"),
        (
            IkeSaDeleted(0, IkeSaId(7), PEER, *COOKIES, DeletionReason.CLEARED),
            f"ike-sa-deleted|{NAMED}<reason>cleared</reason>",
        ),
        (
            IkeNegotiationFailed(0, None, PEER, *COOKIES, FailureReason.TIMEOUT),
            f"ike-negotiation-failed|{NAMED.removeprefix('<id>7</id>')}<reason>timeout</reason>",
        ),
        (PeerUnreachable(0, PEER), "peer-unreachable|<remote-address>4.4.4.4</remote-address>"),
        (PeerReachable(0, PEER), "peer-reachable|<remote-address>4.4.4.4</remote-address>"),
    ],
)
def test_an_event_is_rendered_as_its_notification(event: Event, expected: str) -> None:
    name, _, body = expected.partition("|")
    node, binding = registry().notifications[type(event)]
    shown = render_notification(node, binding.values(event))
    assert shown == f'<{name} xmlns="urn:ipsec-agent:ike">{body}</{name}>'


def test_every_notification_of_the_module_is_bound() -> None:
    bound = {binding.path for binding in IKE.notifications}
    assert bound == {node.path for node in registry().schema.notifications.values() if "ipsec-agent-ike" in node.path}
