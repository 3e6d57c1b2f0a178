"""ipsec-agent-ipsec: what is configured reaches the gateway, and what the gateway holds is what is shown."""

from __future__ import annotations

from enum import Enum
from ipaddress import ip_address, ip_network

import pytest
from lxml import etree

from agent.app.configuration_file import BadConfiguration
from agent.bindings.ipsec import IPSEC, build_ipsec
from agent.core import events
from agent.core.config import (
    DhGroup,
    Direction,
    DynamicSa,
    EncryptionAlgorithm,
    IpsecAuthentication,
    IpsecProtocol,
    ManualDirection,
    ManualSa,
    SaMode,
    SecurityAssociationConfig,
    TrafficIdentity,
)
from agent.core.identifiers import Spi
from agent.core.ipsec.refusal import DropReason
from agent.core.ipsec.sa import SaProtocol, SaType
from agent.core.keying import InterfaceFamilyState
from agent.core.world import Event
from agent.datastore.edit import parse_configuration
from agent.datastore.output import render_notification
from agent.datastore.tree import find
from tests.support.chapter import Emulation, configured, registry
from tests.support.netconf_wire import error, text, texts
from tests.support.tunnels import AUTHENTICATION, ENCRYPTION, OUTBOUND, POLICY, direction, key, tunnels

ASSOCIATION = "ipsec:ipsec/ipsec:security-association[ipsec:name='{}']"
DYNAMIC, MANUAL = ASSOCIATION.format("sa-dynamic"), ASSOCIATION.format("sa-manual")
FILTER = '<ipsec xmlns="urn:ipsec-agent:ipsec"><security-association/></ipsec>'
CLEAR = '<clear-ipsec-security-associations xmlns="urn:ipsec-agent:ipsec">{}</clear-ipsec-security-associations>'
REFERENCE = "<ipsec-policy>any</ipsec-policy>"


def built(*replaced: tuple[str, str]) -> tuple[SecurityAssociationConfig, ...]:
    """Return what the binding builds of the tests' configuration with parts replaced."""
    root = parse_configuration(registry().schema, etree.fromstring(f"<config>{tunnels(*replaced)}</config>"))
    branch = find(registry().schema, root, "/ipsec-agent-ipsec:ipsec")
    assert branch is not None
    return build_ipsec(branch, lambda node, value: value)


def dynamic(*replaced: tuple[str, str]) -> DynamicSa:
    """Return the dynamic one of what is built."""
    keying = built(*replaced)[0].keying
    assert isinstance(keying, DynamicSa)
    return keying


def manual(*replaced: tuple[str, str]) -> ManualSa:
    """Return the manual one of what is built."""
    keying = built(*replaced)[1].keying
    assert isinstance(keying, ManualSa)
    return keying


def test_associations_come_in_the_order_of_their_list_in_tunnel_mode() -> None:
    assert [(one.name, one.mode) for one in built()] == [("dynamic", SaMode.TUNNEL), ("manual", SaMode.TUNNEL)]


def test_a_dynamic_association_has_its_policy_with_the_defaults_of_the_contract() -> None:
    policy = dynamic().policy
    (proposal,) = policy.proposals
    assert (policy.name, policy.perfect_forward_secrecy) == ("any", None)
    assert (proposal.name, proposal.protocol) == ("strong", IpsecProtocol.ESP)
    assert proposal.authentication_algorithm is IpsecAuthentication.HMAC_SHA1_96
    assert proposal.encryption_algorithm is EncryptionAlgorithm.TRIPLE_DES_CBC
    assert (proposal.lifetime_seconds, proposal.lifetime_kilobytes) == (28800, None)
    assert (dynamic().replay_window_size, dynamic().local_identity, dynamic().remote_identity) == (0, None, None)


def test_a_policy_keeps_the_order_of_its_proposals() -> None:
    other = (
        "<proposal><name>a</name><protocol>ah</protocol>"
        "<authentication-algorithm>hmac-md5-96</authentication-algorithm>"
        "<lifetime-seconds>180</lifetime-seconds><lifetime-kilobytes>4608000</lifetime-kilobytes></proposal>"
    )
    preferred = POLICY.replace("</name>", "</name><proposal>strong</proposal><proposal>a</proposal>", 1)
    preferred = preferred.replace("<proposal>strong</proposal></policy>", "</policy>")
    secret = "<perfect-forward-secrecy>group2</perfect-forward-secrecy></policy>"
    policy = dynamic((POLICY, other + preferred.replace("</policy>", secret))).policy
    assert [proposal.name for proposal in policy.proposals] == ["strong", "a"]
    assert (policy.proposals[1].lifetime_seconds, policy.proposals[1].lifetime_kilobytes) == (180, 4608000)
    assert policy.proposals[1].encryption_algorithm is None
    assert policy.perfect_forward_secrecy is DhGroup.GROUP2


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<prefix>10.1.1.0/24</prefix>", TrafficIdentity(ip_network("10.1.1.0/24"))),
        ("<prefix>10.1.1.7/24</prefix><protocol>icmp</protocol>", TrafficIdentity(ip_network("10.1.1.0/24"), 1)),
        ("<prefix>::/0</prefix><protocol>89</protocol>", TrafficIdentity(ip_network("::/0"), 89)),
        (
            "<prefix>10.1.1.0/24</prefix><protocol>tcp</protocol><port>80</port>",
            TrafficIdentity(ip_network("10.1.1.0/24"), 6, 80),
        ),
    ],
)
def test_an_identity_has_its_prefix_its_protocol_by_number_and_its_port(xml: str, expected: TrafficIdentity) -> None:
    built_ = dynamic((REFERENCE, f"{REFERENCE}<remote-identity>{xml}</remote-identity>"))
    assert (built_.local_identity, built_.remote_identity) == (None, expected)


def test_the_replay_window_is_the_configured_one() -> None:
    assert dynamic((REFERENCE, f"{REFERENCE}<replay-window-size>64</replay-window-size>")).replay_window_size == 64


def test_a_manual_association_has_its_directions_with_their_octets() -> None:
    hexadecimal = "<key><hexadecimal>00112233445566FF</hexadecimal></key>"
    encryption = ENCRYPTION.replace(key("8 octets"), hexadecimal)
    content = f"<auxiliary-spi>3000</auxiliary-spi>{AUTHENTICATION}{encryption}"
    inbound, outbound = manual((OUTBOUND, direction("outbound", 2000, content, "bundle"))).keys
    assert (inbound.direction, inbound.protocol, inbound.spi) == (ManualDirection.INBOUND, IpsecProtocol.ESP, 1000)
    assert (inbound.auxiliary_spi, inbound.encryption) == (None, None)
    assert (outbound.protocol, outbound.spi, outbound.auxiliary_spi) == (IpsecProtocol.BUNDLE, 2000, 3000)
    assert outbound.authentication is not None
    assert outbound.authentication.algorithm is IpsecAuthentication.HMAC_MD5_96
    assert outbound.authentication.key == b"sixteen octets.."
    assert outbound.encryption is not None
    assert outbound.encryption.key == bytes.fromhex("00112233445566ff")


def test_a_manual_association_in_transport_mode_has_its_addresses() -> None:
    addresses = "<local-address>192.0.2.1</local-address><remote-address>2001:DB8::1</remote-address></manual>"
    transport = ("<name>manual</name>", "<name>manual</name><mode>transport</mode>")
    keying = manual(transport, ("</manual>", addresses))
    assert (keying.local_address, keying.remote_address) == (ip_address("192.0.2.1"), ip_address("2001:db8::1"))
    assert built(transport)[1].mode is SaMode.TRANSPORT


def test_keys_are_in_no_repr() -> None:
    assert "octets" not in repr(built())


# State


def test_the_pair_that_is_shown_is_the_one_that_two_engines_negotiated() -> None:
    emulation = Emulation()
    data = emulation.connect().get(FILTER)
    peer = emulation.gateway.device.peers[ip_address("4.4.4.4")]
    theirs = peer.security_associations["sa-dynamic"].sas.values()
    spis = {str(sa.spi) for sa in theirs}
    assert set(texts(data, f"{DYNAMIC}/ipsec:sa/ipsec:spi")) == spis
    assert len(spis) == 2
    assert texts(data, f"{DYNAMIC}/ipsec:sa/ipsec:direction") == ["inbound", "outbound"]
    assert texts(data, f"{DYNAMIC}/ipsec:sa/ipsec:state") == ["installed", "installed"]
    assert texts(data, f"{DYNAMIC}/ipsec:sa/ipsec:protocol") == ["esp", "esp"]
    assert texts(data, f"{DYNAMIC}/ipsec:sa/ipsec:authentication-algorithm") == ["hmac-md5-96", "hmac-md5-96"]
    assert texts(data, f"{DYNAMIC}/ipsec:sa/ipsec:encryption-algorithm") == ["none", "none"]
    assert texts(data, f"{DYNAMIC}/ipsec:sa/ipsec:aux-spi") == ["0", "0"]


def test_a_dynamic_association_shows_its_tunnel_and_its_unit() -> None:
    data = Emulation().connect().get(FILTER)
    assert text(data, f"{DYNAMIC}/ipsec:interface-family") == "up"
    assert text(data, f"{DYNAMIC}/ipsec:interface") == "es-1/3/0.0"
    assert text(data, f"{DYNAMIC}/ipsec:type") == "dynamic"
    assert text(data, f"{DYNAMIC}/ipsec:current-local-address") == "4.4.4.5"
    assert text(data, f"{DYNAMIC}/ipsec:current-remote-address") == "4.4.4.4"
    assert text(data, f"{DYNAMIC}/ipsec:rekeys") == "0"


def test_lifetimes_run_with_device_time_the_soft_one_at_eighty_percent() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    soft, hard = (f"{DYNAMIC}/ipsec:sa/ipsec:{kind}-lifetime/ipsec:remaining-seconds" for kind in ("soft", "hard"))
    before = wire.get(FILTER)
    assert [int(h) - int(s) for s, h in zip(texts(before, soft), texts(before, hard), strict=True)] == [5760, 5760]
    emulation.advance(100)
    after = wire.get(FILTER)
    assert [int(value) - 100 for value in texts(before, hard)] == [int(value) for value in texts(after, hard)]
    assert texts(after, f"{DYNAMIC}/ipsec:sa/ipsec:soft-lifetime/ipsec:expired") == ["false", "false"]
    assert texts(before, f"{DYNAMIC}/ipsec:sa/ipsec:expires-at") == texts(after, f"{DYNAMIC}/ipsec:sa/ipsec:expires-at")


def test_a_manual_association_has_the_spis_of_the_sample_and_no_lifetime() -> None:
    data = Emulation().connect().get(FILTER)
    assert texts(data, f"{MANUAL}/ipsec:sa/ipsec:spi") == ["2908734119", "3494029335"]
    assert texts(data, f"{MANUAL}/ipsec:sa/ipsec:state") == ["installed", "installed"]
    assert texts(data, f"{MANUAL}/ipsec:sa/ipsec:protocol") == ["ah", "ah"]
    assert texts(data, f"{MANUAL}/ipsec:sa/ipsec:type") == ["manual", "manual"]
    assert texts(data, f"{MANUAL}/ipsec:sa/ipsec:anti-replay-service") == ["disabled", "disabled"]
    assert texts(data, f"{MANUAL}/ipsec:sa/ipsec:hard-lifetime") == []
    assert texts(data, f"{MANUAL}/ipsec:sa/ipsec:expires-at") == []
    assert text(data, f"{MANUAL}/ipsec:interface-family") == "up"


def test_an_association_that_no_unit_names_is_shown_without_a_reference_and_negotiates_nothing() -> None:
    emulation = Emulation(configured(("<ipsec-sa>sa-dynamic</ipsec-sa>", "")))
    data = emulation.connect().get(FILTER)
    assert text(data, f"{DYNAMIC}/ipsec:interface-family") == "no-reference"
    assert texts(data, f"{DYNAMIC}/ipsec:sa") == []
    assert texts(data, f"{DYNAMIC}/ipsec:interface") == []
    assert not emulation.gateway.device.ike_sas


def test_one_association_is_found_by_its_direction_and_spi() -> None:
    wire = Emulation().connect()
    entry = "<sa><direction>outbound</direction><spi>3494029335</spi></sa>"
    data = wire.get(FILTER.replace("<security-association/>", f"<security-association>{entry}</security-association>"))
    assert texts(data, ".//ipsec:sa/ipsec:spi") == ["3494029335"]
    entry = entry.replace("outbound", "inbound")
    data = wire.get(FILTER.replace("<security-association/>", f"<security-association>{entry}</security-association>"))
    assert texts(data, ".//ipsec:sa/ipsec:spi") == []


def test_a_manual_key_is_shown_sealed_to_an_administrator_and_not_at_all_to_an_operator() -> None:
    emulation = Emulation()
    config = emulation.connect().get_config('<ipsec xmlns="urn:ipsec-agent:ipsec"/>')
    sealed = texts(config, ".//ipsec:key/ipsec:ascii-text")
    assert len(sealed) == 2
    assert all(value.startswith("$sealed$") for value in sealed)
    assert b"of-2908734119" not in etree.tostring(config)
    config = emulation.connect("operator").get_config('<ipsec xmlns="urn:ipsec-agent:ipsec"/>')
    assert texts(config, ".//ipsec:authentication/ipsec:algorithm") == ["hmac-md5-96", "hmac-md5-96"]
    assert texts(config, ".//ipsec:key") == []


# Clearing


def spis(emulation: Emulation, name: str) -> list[int]:
    """Return the SPIs that a security association has now."""
    return [sa.spi for sa in emulation.gateway.device.security_associations[name].sas.values()]


@pytest.mark.parametrize("parameter", ["", "<name>sa-dynamic</name>"])
def test_clear_answers_how_many_and_a_new_pair_follows(parameter: str) -> None:
    emulation = Emulation()
    before, by_hand = spis(emulation, "sa-dynamic"), spis(emulation, "sa-manual")
    reply = emulation.connect().rpc(CLEAR.format(parameter))
    assert text(reply, "ipsec:cleared") == "2"
    emulation.advance(5)
    after = spis(emulation, "sa-dynamic")
    assert len(after) == 2
    assert not set(before) & set(after)
    assert spis(emulation, "sa-manual") == by_hand


@pytest.mark.parametrize(
    ("name", "app_tag"), [("nonsense", "unknown-security-association"), ("sa-manual", "not-dynamic")]
)
def test_clear_of_one_that_cannot_be_cleared_is_refused_with_the_path_of_the_leaf(name: str, app_tag: str) -> None:
    emulation = Emulation()
    before = spis(emulation, "sa-dynamic"), spis(emulation, "sa-manual")
    refused = error(emulation.connect().rpc(CLEAR.format(f"<name>{name}</name>")))
    assert (refused["error-type"], refused["error-tag"]) == ("application", "invalid-value")
    assert refused["error-app-tag"] == app_tag
    assert refused["error-path"] == "/ipsec:clear-ipsec-security-associations/ipsec:name"
    assert name in refused["error-message"]
    assert (spis(emulation, "sa-dynamic"), spis(emulation, "sa-manual")) == before


def test_clear_of_one_without_a_pair_clears_none() -> None:
    emulation = Emulation(configured(("<ipsec-sa>sa-dynamic</ipsec-sa>", "")))
    reply = emulation.connect().rpc(CLEAR.format("<name>sa-dynamic</name>"))
    assert text(reply, "ipsec:cleared") == "0"


def test_an_operator_may_clear_and_a_guest_may_not() -> None:
    emulation = Emulation()
    assert text(emulation.connect("operator").rpc(CLEAR.format("")), "ipsec:cleared") == "2"
    assert error(emulation.connect("guest").rpc(CLEAR.format("")))["error-tag"] == "access-denied"


# Refusals


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("of-2908734119-ah", "too short", "sa-manual.*16"),
        ("<ipsec-sa>sa-manual</ipsec-sa>", "<ipsec-sa>sa-dynamic</ipsec-sa>", "ipsec-sa"),
        ("<spi>2908734119</spi>", "<spi>255</spi>", "spi"),
        ("<peer-address>4.4.4.4</peer-address>", "<peer-address>4.4.4.6</peer-address>", "IKE policy"),
        ("<ipsec-policy>ipsec-policy</ipsec-policy>", "<ipsec-policy>none</ipsec-policy>", "none"),
    ],
)
def test_what_the_gateway_cannot_do_is_refused(old: str, new: str, complaint: str) -> None:
    with pytest.raises(BadConfiguration, match=complaint):
        Emulation(configured((old, new)))


def test_an_association_named_by_units_of_two_interfaces_is_refused() -> None:
    other = (
        '<interface><name>es-2/0/0</name><type xmlns:esif="urn:ipsec-agent:interfaces">esif:es-pic</type>'
        '<unit xmlns="urn:ipsec-agent:interfaces"><id>0</id><family-inet><ipsec-sa>sa-manual</ipsec-sa></family-inet>'
        "<tunnel><source>4.4.4.5</source><destination>4.4.4.4</destination></tunnel></unit></interface></interfaces>"
    )
    with pytest.raises(BadConfiguration, match=r"sa-manual.*es-1/3/0\.1.*es-2/0/0\.0"):
        Emulation(configured(("</interfaces>", other)))


# Names


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("ipsec-sa-deleted/reason", events.IpsecDeletionReason),
        ("ipsec-sa-expired/lifetime", events.LifetimeKind),
        ("ipsec/statistics/dropped/reason", DropReason),
        ("ipsec-negotiation-failed/reason", events.FailureReason),
        ("ipsec/proposal/protocol", IpsecProtocol),
        ("ipsec/proposal/authentication-algorithm", IpsecAuthentication),
        ("ipsec/proposal/encryption-algorithm", EncryptionAlgorithm),
        ("ipsec/policy/perfect-forward-secrecy", DhGroup),
        ("ipsec/security-association/mode", SaMode),
        ("ipsec/security-association/manual/direction/direction", ManualDirection),
        ("ipsec/security-association/interface-family", InterfaceFamilyState),
        ("ipsec/security-association/type", SaType),
        ("ipsec/security-association/sa/direction", Direction),
        ("ipsec/security-association/sa/type", SaType),
        ("ipsec/security-association/sa/protocol", SaProtocol),
        ("ipsec/security-association/sa/authentication-algorithm", IpsecAuthentication),
        ("ipsec/security-association/sa/encryption-algorithm", EncryptionAlgorithm),
    ],
)
def test_an_enumeration_of_core_and_that_of_the_module_have_the_same_names(path: str, values: type[Enum]) -> None:
    kind = registry().schema.node(f"/ipsec-agent-ipsec:{path}").type
    assert kind is not None
    for value in values:
        assert kind.parse(value.value) == value.value


PAIR = (Spi(1001), Spi(1002))
NAMED = "<name>vpn</name><inbound-spi>1001</inbound-spi><outbound-spi>1002</outbound-spi>"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (events.IpsecSaInstalled(0, "vpn", *PAIR), f"ipsec-sa-installed|{NAMED}"),
        (
            events.IpsecSaRekeyed(0, "vpn", Spi(901), Spi(1001), Spi(902), Spi(1002)),
            f"ipsec-sa-rekeyed|{NAMED}<inbound><old-spi>901</old-spi><new-spi>1001</new-spi></inbound>"
            "<outbound><old-spi>902</old-spi><new-spi>1002</new-spi></outbound>",
        ),
        (
            events.IpsecSaExpired(0, "vpn", *PAIR, events.LifetimeKind.SOFT),
            f"ipsec-sa-expired|{NAMED}<lifetime>soft</lifetime>",
        ),
        (
            events.IpsecSaDeleted(0, "vpn", *PAIR, events.IpsecDeletionReason.REPLACED),
            f"ipsec-sa-deleted|{NAMED}<reason>replaced</reason>",
        ),
        (
            events.IpsecNegotiationFailed(0, "vpn", ip_address("4.4.4.4"), events.FailureReason.TIMEOUT),
            "ipsec-negotiation-failed|<name>vpn</name><remote-address>4.4.4.4</remote-address><reason>timeout</reason>",
        ),
    ],
)
def test_an_event_is_rendered_as_its_notification(event: Event, expected: str) -> None:
    name, _, body = expected.partition("|")
    node, binding = registry().notifications[type(event)]
    shown = render_notification(node, binding.values(event))
    assert shown == f'<{name} xmlns="urn:ipsec-agent:ipsec">{body}</{name}>'


def test_every_notification_of_the_module_is_bound() -> None:
    bound = {binding.path for binding in IPSEC.notifications}
    own = {node.path for node in registry().schema.notifications.values() if node.module.name == IPSEC.module}
    assert bound == own
