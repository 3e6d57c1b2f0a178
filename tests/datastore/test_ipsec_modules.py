"""ipsec-agent-ipsec and ipsec-agent-interfaces: names, types and defaults, and what their constraints refuse."""

from __future__ import annotations

import pytest

from agent.datastore.schema import Access, Kind, ModuleRequest, Schema, SchemaNode, load_schema
from agent.datastore.values import InvalidValue
from tests.support.tunnels import (
    AUTHENTICATION,
    BACKUP,
    ENCRYPTION,
    ES_0,
    INBOUND,
    LOCAL,
    OUTBOUND,
    REMOTE,
    direction,
    interface,
    tunnels,
    unit,
)

IPSEC = "/ipsec-agent-ipsec:ipsec"
ASSOCIATION = f"{IPSEC}/security-association"
UNIT = "/ietf-interfaces:interfaces/interface/ipsec-agent-interfaces:unit"
ALGORITHMS = ("authentication-algorithm", "encryption-algorithm")
TRAFFIC = ("bytes", "packets")
DROPS = ("replay-drops", "authentication-failures", "decryption-failures")
KEYED = ("algorithm", "key")
KEY = ("ascii-text", "hexadecimal")
IDENTITY = ("prefix", "protocol", "port")
LIFETIME = ("remaining-seconds", "remaining-kilobytes", "expired")
FAMILY = ("enabled", "ipsec-sa", "oper-status", "address")

TREE = {
    IPSEC: ("proposal", "policy", "security-association", "statistics"),
    f"{IPSEC}/statistics": ("dropped", "unroutable-packets", "reassembly-failures"),
    f"{IPSEC}/statistics/dropped": ("reason", "packets"),
    f"{IPSEC}/proposal": ("name", "protocol", *ALGORITHMS, "lifetime-seconds", "lifetime-kilobytes"),
    f"{IPSEC}/policy": ("name", "proposal", "perfect-forward-secrecy"),
    ASSOCIATION: (
        "name",
        "mode",
        "manual",
        "dynamic",
        "interface-family",
        "type",
        "current-local-address",
        "current-remote-address",
        "interface",
        "rekeys",
        "statistics",
        "sa",
    ),
    f"{ASSOCIATION}/manual": ("direction", "local-address", "remote-address"),
    f"{ASSOCIATION}/manual/direction": (
        "direction",
        "protocol",
        "spi",
        "auxiliary-spi",
        "authentication",
        "encryption",
    ),
    f"{ASSOCIATION}/manual/direction/authentication": KEYED,
    f"{ASSOCIATION}/manual/direction/authentication/key": KEY,
    f"{ASSOCIATION}/manual/direction/encryption": KEYED,
    f"{ASSOCIATION}/manual/direction/encryption/key": KEY,
    f"{ASSOCIATION}/dynamic": ("ipsec-policy", "replay-window-size", "local-identity", "remote-identity"),
    f"{ASSOCIATION}/dynamic/local-identity": IDENTITY,
    f"{ASSOCIATION}/dynamic/remote-identity": IDENTITY,
    f"{ASSOCIATION}/statistics": ("inbound", "outbound"),
    f"{ASSOCIATION}/statistics/inbound": (*TRAFFIC, *DROPS),
    f"{ASSOCIATION}/statistics/outbound": TRAFFIC,
    f"{ASSOCIATION}/sa": (
        "direction",
        "spi",
        "aux-spi",
        "state",
        "mode",
        "type",
        "protocol",
        *ALGORITHMS,
        "soft-lifetime",
        "hard-lifetime",
        "installed-at",
        "expires-at",
        "anti-replay-service",
        "replay-window-size",
        "statistics",
    ),
    f"{ASSOCIATION}/sa/soft-lifetime": LIFETIME,
    f"{ASSOCIATION}/sa/hard-lifetime": LIFETIME,
    f"{ASSOCIATION}/sa/statistics": (*TRAFFIC, *DROPS),
    UNIT: ("id", "family-inet", "family-inet6", "tunnel"),
    f"{UNIT}/family-inet": FAMILY,
    f"{UNIT}/family-inet6": FAMILY,
    f"{UNIT}/tunnel": ("source", "destination", "backup-destination"),
    "/ietf-interfaces:interfaces/interface/ipsec-agent-interfaces:es-options": ("backup-interface",),
    "/ietf-interfaces:interfaces/interface/ipsec-agent-interfaces:pic-statistics": (
        *DROPS,
        "unknown-spi-drops",
        "policy-drops",
        "no-sa-drops",
        "malformed-drops",
        "sequence-drops",
        "lifetime-drops",
        "too-big-drops",
        "hop-limit-drops",
    ),
    "/ipsec-agent-ipsec:clear-ipsec-security-associations/input": ("name",),
    "/ipsec-agent-ipsec:clear-ipsec-security-associations/output": ("cleared",),
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    names = ("ipsec-agent-ike", "ipsec-agent-ipsec", "ipsec-agent-interfaces")
    return load_schema(modules=[ModuleRequest(name) for name in names])


def below(node: SchemaNode) -> list[SchemaNode]:
    return [node, *(inner for child in node.children.values() for inner in below(child))]


def test_the_trees_have_their_names_in_their_order_and_no_other(schema: Schema) -> None:
    roots = [*schema.roots.values(), *schema.rpcs.values()]
    ours = ("ipsec-agent-ipsec", "ipsec-agent-interfaces")
    branches = {
        node.path: tuple(child.name for child in node.children.values())
        for root in roots
        for node in below(root)
        if node.module.name in ours and node.children and node.kind is not Kind.RPC
    }
    assert branches == TREE


def test_notifications_name_the_association_and_its_pair(schema: Schema) -> None:
    pair = ["name", "inbound-spi", "outbound-spi"]
    own = [node for node in schema.notifications.values() if node.module.name == "ipsec-agent-ipsec"]
    assert {node.name: [child.name for child in node.children.values()] for node in own} == {
        "ipsec-sa-installed": pair,
        "ipsec-sa-rekeyed": [*pair, "inbound", "outbound"],
        "ipsec-sa-expired": [*pair, "lifetime"],
        "ipsec-sa-deleted": [*pair, "reason"],
        "ipsec-negotiation-failed": ["name", "remote-address", "reason"],
    }
    for way in ("inbound", "outbound"):
        node = schema.node(f"/ipsec-agent-ipsec:ipsec-sa-rekeyed/{way}")
        assert [child.name for child in node.children.values()] == ["old-spi", "new-spi"]


@pytest.mark.parametrize(
    ("path", "default"),
    [
        (f"{IPSEC}/proposal/lifetime-seconds", "28800"),
        (f"{ASSOCIATION}/mode", "tunnel"),
        (f"{ASSOCIATION}/dynamic/replay-window-size", "0"),
        (f"{UNIT}/family-inet/enabled", "true"),
        (f"{UNIT}/family-inet6/enabled", "true"),
    ],
)
def test_a_leaf_has_its_default(schema: Schema, path: str, default: str) -> None:
    assert schema.node(path).defaults == (default,)


def test_only_the_keys_are_secrets(schema: Schema) -> None:
    secret = {node.path for node in below(schema.node(IPSEC)) if node.access is Access.DENY_ALL}
    assert secret == {f"{ASSOCIATION}/manual/direction/{use}/key" for use in ("authentication", "encryption")}


def test_the_ietf_interfaces_are_served_without_the_interfaces_mib(schema: Schema) -> None:
    interfaces = schema.modules["ietf-interfaces"]
    assert (interfaces.implemented, interfaces.features) == (True, ())
    with pytest.raises(KeyError):
        schema.node("/ietf-interfaces:interfaces/interface/if-index")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{IPSEC}/proposal/lifetime-seconds", "179"),
        (f"{IPSEC}/proposal/lifetime-seconds", "86401"),
        (f"{IPSEC}/proposal/lifetime-kilobytes", "0"),
        (f"{ASSOCIATION}/manual/direction/spi", "255"),
        (f"{ASSOCIATION}/manual/direction/auxiliary-spi", "4294967296"),
        (f"{ASSOCIATION}/manual/direction/authentication/key/hexadecimal", "abc"),
        (f"{ASSOCIATION}/manual/direction/authentication/key/ascii-text", "\u00e9"),
        (f"{ASSOCIATION}/dynamic/replay-window-size", "33"),
        (f"{ASSOCIATION}/dynamic/local-identity/protocol", "0"),
        (f"{ASSOCIATION}/dynamic/local-identity/protocol", "ip"),
        (f"{ASSOCIATION}/dynamic/local-identity/prefix", "10.1.1.0"),
        (f"{ASSOCIATION}/name", "two words"),
        (f"{UNIT}/family-inet/address", "192.0.2.1"),
        (f"{UNIT}/family-inet/address", "192.0.2.256/24"),
        (f"{UNIT}/family-inet6/address", "2001:db8::1"),
        (f"{UNIT}/family-inet6/address", "2001:db8::1::2/64"),
        (f"{UNIT}/family-inet6/address", "1:2:3:4:5:6:7:8:9/64"),
        (f"{UNIT}/family-inet6/address", "2001:db8::1/129"),
    ],
)
def test_a_value_out_of_its_range_is_refused(schema: Schema, path: str, text: str) -> None:
    value_type = schema.node(path).type
    assert value_type is not None
    with pytest.raises(InvalidValue):
        value_type.parse(text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{ASSOCIATION}/manual/direction/spi", "256"),
        (f"{ASSOCIATION}/manual/direction/spi", "4294967295"),
        (f"{ASSOCIATION}/dynamic/replay-window-size", "64"),
        (f"{ASSOCIATION}/dynamic/local-identity/protocol", "tcp"),
        (f"{ASSOCIATION}/dynamic/local-identity/protocol", "89"),
        (f"{ASSOCIATION}/manual/direction/encryption/key/ascii-text", "$sealed$abc_-9"),
        (f"{UNIT}/family-inet/address", "192.0.2.1/24"),
        (f"{UNIT}/family-inet6/address", "2001:db8::1/64"),
        (f"{UNIT}/family-inet6/address", "::/0"),
        (f"{UNIT}/family-inet6/address", "1:2:3:4:5:6:7:8/128"),
    ],
)
def test_a_value_within_its_range_is_kept_as_it_is(schema: Schema, path: str, text: str) -> None:
    value_type = schema.node(path).type
    assert value_type is not None
    assert value_type.parse(text) == text


PROTOCOL = "<protocol>esp</protocol>\n"
PROPOSED_AUTHENTICATION = "<authentication-algorithm>hmac-sha1-96</authentication-algorithm>"
PROPOSED_ENCRYPTION = "<encryption-algorithm>3des-cbc</encryption-algorithm>"
POLICY_REFERENCE = "<ipsec-policy>any</ipsec-policy>"
TUNNEL = f"<tunnel><source>{LOCAL}</source><destination>{REMOTE}</destination></tunnel>"
ES_1 = interface("es-0/0/1", "")
BACKUP_IS_1 = (
    '<es-options xmlns="urn:ipsec-agent:interfaces"><backup-interface>es-0/0/1</backup-interface></es-options>'
)
WITH_BACKUP = interface("es-0/0/0", BACKUP_IS_1)


def transport(content: str = "") -> tuple[tuple[str, str], ...]:
    """Return what puts the manual security association into transport mode, with addresses of its own."""
    return (
        ("<name>manual</name>", "<name>manual</name><mode>transport</mode>"),
        ("</manual>", f"{content}</manual>"),
        (unit(1, "manual"), ""),
    )


def test_the_configuration_of_the_tests_is_valid(schema: Schema) -> None:
    assert schema.validate(tunnels().encode()) == ()


@pytest.mark.parametrize(
    "replaced",
    [
        [(PROPOSED_ENCRYPTION, "")],
        [(PROPOSED_AUTHENTICATION, "")],
        [(PROTOCOL, "<protocol>bundle</protocol>")],
        [(PROTOCOL, "<protocol>ah</protocol>"), (PROPOSED_ENCRYPTION, "")],
        [(INBOUND, direction("bidirectional", 1000)), (OUTBOUND, "")],
        [(OUTBOUND, direction("outbound", 2000, ENCRYPTION))],
        [(OUTBOUND, direction("outbound", 2000, protocol="ah"))],
        [
            (
                OUTBOUND,
                direction(
                    "outbound", 2000, f"<auxiliary-spi>3000</auxiliary-spi>{AUTHENTICATION}{ENCRYPTION}", "bundle"
                ),
            )
        ],
        transport(),
        transport(f"<local-address>{LOCAL}</local-address><remote-address>{REMOTE}</remote-address>"),
        [(unit(0, "dynamic"), "")],
        [(unit(1, "manual"), unit(1, "manual", destination=BACKUP))],
        [(ES_0, f"{WITH_BACKUP}{ES_1}")],
        [(POLICY_REFERENCE, f"{POLICY_REFERENCE}<local-identity><prefix>10.0.0.0/8</prefix></local-identity>")],
        [
            (
                POLICY_REFERENCE,
                f"{POLICY_REFERENCE}<local-identity><prefix>::/0</prefix><protocol>17</protocol><port>4500</port>"
                "</local-identity>",
            )
        ],
    ],
)
def test_what_makes_sense_is_accepted(schema: Schema, replaced: list[tuple[str, str]]) -> None:
    assert schema.validate(tunnels(*replaced).encode()) == ()


@pytest.mark.parametrize(
    ("app_tag", "replaced"),
    [
        ("missing-algorithm", [(PROPOSED_ENCRYPTION, ""), (PROPOSED_AUTHENTICATION, "")]),
        ("missing-algorithm", [(PROTOCOL, "<protocol>bundle</protocol>"), (PROPOSED_ENCRYPTION, "")]),
        ("missing-algorithm", [(PROTOCOL, "<protocol>bundle</protocol>"), (PROPOSED_AUTHENTICATION, "")]),
        ("needless-algorithm", [(PROTOCOL, "<protocol>ah</protocol>")]),
        ("missing-algorithm", [(OUTBOUND, direction("outbound", 2000, ""))]),
        ("missing-algorithm", [(OUTBOUND, direction("outbound", 2000, ENCRYPTION, "ah")), (ENCRYPTION, "")]),
        ("needless-algorithm", [(OUTBOUND, direction("outbound", 2000, AUTHENTICATION + ENCRYPTION, "ah"))]),
        ("missing-auxiliary-spi", [(OUTBOUND, direction("outbound", 2000, AUTHENTICATION + ENCRYPTION, "bundle"))]),
        (
            "needless-auxiliary-spi",
            [(OUTBOUND, direction("outbound", 2000, f"<auxiliary-spi>3000</auxiliary-spi>{AUTHENTICATION}"))],
        ),
        ("missing-direction", [(OUTBOUND, "")]),
        ("needless-direction", [(OUTBOUND, direction("bidirectional", 2000))]),
        ("transport-mode-only", [("</manual>", f"<local-address>{LOCAL}</local-address></manual>")]),
        ("transport-mode-only", [("</manual>", f"<remote-address>{REMOTE}</remote-address></manual>")]),
        (
            "tunnel-mode-only",
            [("<name>dynamic</name>", "<name>dynamic</name><mode>transport</mode>"), (unit(0, "dynamic"), "")],
        ),
        ("tunnel-mode-only", [("<name>manual</name>", "<name>manual</name><mode>transport</mode>")]),
        ("missing-choice", [(f"<dynamic>{POLICY_REFERENCE}</dynamic>", ""), (unit(0, "dynamic"), "")]),
        ("instance-required", [(POLICY_REFERENCE, "<ipsec-policy>none</ipsec-policy>")]),
        ("instance-required", [("<proposal>strong</proposal>", "<proposal>none</proposal>")]),
        ("too-few-elements", [("<proposal>strong</proposal>", "")]),
        ("instance-required", [(unit(0, "dynamic"), unit(0, "none"))]),
        ("data-not-unique", [(unit(0, "dynamic"), unit(0, "manual"))]),
        ("missing-tunnel", [(unit(1, "manual"), unit(1, "manual").replace(TUNNEL, ""))]),
        ("missing-ike-policy", [(unit(0, "dynamic"), unit(0, "dynamic", destination=BACKUP))]),
        (
            "missing-ike-policy",
            [
                (
                    unit(0, "dynamic"),
                    unit(0, "dynamic").replace(
                        "</tunnel>", f"<backup-destination>{BACKUP}</backup-destination></tunnel>"
                    ),
                )
            ],
        ),
        ("missing-ike-policy", [(f"<peer-address>{REMOTE}</peer-address>", f"<peer-address>{BACKUP}</peer-address>")]),
        ("own-address", [(unit(1, "manual"), unit(1, "manual", destination=LOCAL))]),
        ("different-families", [(unit(1, "manual"), unit(1, "manual", source="2001:db8::1"))]),
        (
            "different-families",
            [
                (
                    POLICY_REFERENCE,
                    f"{POLICY_REFERENCE}<local-identity><prefix>10.0.0.0/8</prefix></local-identity>"
                    "<remote-identity><prefix>::/0</prefix></remote-identity>",
                )
            ],
        ),
        (
            "protocol-without-ports",
            [
                (
                    POLICY_REFERENCE,
                    f"{POLICY_REFERENCE}<local-identity><prefix>10.0.0.0/8</prefix><protocol>icmp</protocol>"
                    "<port>80</port></local-identity>",
                )
            ],
        ),
        ("not-an-es-name", [("<name>es-0/0/0</name>", "<name>ge-0/0/0</name>")]),
        ("own-backup", [(ES_0, WITH_BACKUP.replace("es-0/0/1", "es-0/0/0"))]),
        ("instance-required", [(ES_0, WITH_BACKUP)]),
        (
            "two-pairs",
            [
                (
                    ES_0,
                    WITH_BACKUP
                    + interface("es-0/0/1", BACKUP_IS_1.replace("0/0/1", "0/0/2"))
                    + interface("es-0/0/2", ""),
                )
            ],
        ),
        ("two-pairs", [(ES_0, WITH_BACKUP + ES_1 + interface("es-0/0/2", BACKUP_IS_1))]),
    ],
)
def test_what_makes_no_sense_is_refused_for_its_reason(
    schema: Schema, app_tag: str, replaced: list[tuple[str, str]]
) -> None:
    found = schema.validate(tunnels(*replaced).encode())
    assert app_tag in {problem.app_tag for problem in found}


def test_a_dangling_reference_is_reported_as_that_alone(schema: Schema) -> None:
    (problem,) = schema.validate(tunnels((unit(0, "dynamic"), unit(0, "none"))).encode())
    assert problem.app_tag == "instance-required"


def test_an_interface_of_another_type_has_no_units(schema: Schema) -> None:
    units = tunnels((' xmlns:esif="urn:ipsec-agent:interfaces">esif:es-pic', ">esif:es-pic"))
    assert schema.validate(units.encode()) != ()


def test_thousands_of_tunnels_are_judged_by_look_ups(schema: Schema) -> None:
    """With a search for each reference, a configuration of this size would run into the time limit of a test."""
    count = 10_000
    associations = "".join(
        f"<security-association><name>s{number}</name><dynamic>{POLICY_REFERENCE}</dynamic></security-association>"
        for number in range(count)
    )
    units = "".join(unit(number + 2, f"s{number}") for number in range(count))
    xml = tunnels(("</ipsec>", f"{associations}</ipsec>"), ("</interface>", f"{units}</interface>"))
    assert schema.validate(xml.encode()) == ()
