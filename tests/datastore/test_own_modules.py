"""Our published modules: names, types and defaults that clients rely on."""

from __future__ import annotations

import pytest

from agent.datastore.schema import Access, Kind, ModuleRequest, Schema, SchemaNode, load_schema
from agent.datastore.values import Enumeration

REMOTE_AND_LOCAL = ("remote-address", "remote-port", "local-address", "local-port")
IKE_TREE = {
    "/ipsec-agent-ike:ike": ("proposal", "policy", "security-associations", "statistics"),
    "/ipsec-agent-ike:ike/proposal": (
        "name",
        "authentication-method",
        "authentication-algorithm",
        "encryption-algorithm",
        "dh-group",
        "lifetime-seconds",
    ),
    "/ipsec-agent-ike:ike/policy": (
        "peer-address",
        "mode",
        "proposal",
        "pre-shared-key",
        "remote-port",
        "remote-nat-port",
        "dead-peer-detection",
    ),
    "/ipsec-agent-ike:ike/policy/pre-shared-key": ("ascii-text", "hexadecimal"),
    "/ipsec-agent-ike:ike/policy/dead-peer-detection": ("interval", "retries", "retry-interval"),
    "/ipsec-agent-ike:ike/security-associations": ("security-association",),
    "/ipsec-agent-ike:ike/security-associations/security-association": (
        "id",
        *REMOTE_AND_LOCAL,
        "role",
        "state",
        "initiator-cookie",
        "responder-cookie",
        "exchange-type",
        "authentication-method",
        "lifetime-remaining",
        "established-at",
        "expires-at",
        "algorithms",
        "statistics",
        "flags",
        "ipsec-sas-created",
        "ipsec-sas-deleted",
        "negotiations-in-progress",
        "negotiation",
    ),
    "/ipsec-agent-ike:ike/security-associations/security-association/algorithms": (
        "authentication",
        "encryption",
        "pseudo-random-function",
        "dh-group",
    ),
    "/ipsec-agent-ike:ike/security-associations/security-association/statistics": (
        "input-bytes",
        "output-bytes",
        "input-packets",
        "output-packets",
    ),
    "/ipsec-agent-ike:ike/security-associations/security-association/negotiation": (
        "message-id",
        "negotiation-type",
        "role",
        *REMOTE_AND_LOCAL,
        "local-identity",
        "remote-identity",
        "flags",
    ),
    "/ipsec-agent-ike:ike/statistics": ("dropped", "half-open", "negotiation-outcome"),
    "/ipsec-agent-ike:ike/statistics/dropped": ("reason", "packets"),
    "/ipsec-agent-ike:ike/statistics/negotiation-outcome": ("outcome", "count"),
    "/ipsec-agent-ike:clear-ike-security-associations/input": ("peer-address",),
    "/ipsec-agent-ike:clear-ike-security-associations/output": ("cleared",),
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema(modules=[ModuleRequest("ipsec-agent-ike")])


def below(node: SchemaNode) -> list[SchemaNode]:
    return [node, *(inner for child in node.children.values() for inner in below(child))]


def test_the_ike_tree_has_its_names_in_their_order_and_no_other(schema: Schema) -> None:
    roots = [*schema.roots.values(), *schema.rpcs.values()]
    own = [node for root in roots for node in below(root) if node.module.name == "ipsec-agent-ike"]
    branches = {
        node.path: tuple(child.name for child in node.children.values())
        for node in own
        if node.children and node.kind is not Kind.RPC
    }
    assert branches == IKE_TREE


def test_notifications_tell_the_security_association_and_why(schema: Schema) -> None:
    about = ["id", "remote-address", "initiator-cookie", "responder-cookie"]
    own = [node for node in schema.notifications.values() if node.module.name == "ipsec-agent-ike"]
    assert {node.name: [leaf.name for leaf in node.children.values()] for node in own} == {
        "ike-sa-established": about,
        "ike-sa-deleted": [*about, "reason"],
        "ike-negotiation-failed": [*about, "reason"],
        "peer-unreachable": ["remote-address"],
        "peer-reachable": ["remote-address"],
    }


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("proposal/authentication-method", "pre-shared-keys"),
        ("proposal/lifetime-seconds", "3600"),
        ("policy/mode", "main"),
        ("policy/remote-port", "500"),
        ("policy/remote-nat-port", "4500"),
        ("policy/dead-peer-detection/interval", "10"),
        ("policy/dead-peer-detection/retries", "2"),
        ("policy/dead-peer-detection/retry-interval", "2"),
    ],
)
def test_a_leaf_has_its_default(schema: Schema, path: str, default: str) -> None:
    assert schema.node(f"/ipsec-agent-ike:ike/{path}").defaults == (default,)


def test_only_the_pre_shared_key_is_a_secret(schema: Schema) -> None:
    nodes = below(schema.node("/ipsec-agent-ike:ike"))
    secret = [node.name for node in nodes if node.access is Access.DENY_ALL]
    assert secret == ["pre-shared-key"]


def test_state_is_what_stands_below_the_two_state_containers(schema: Schema) -> None:
    nodes = below(schema.node("/ipsec-agent-ike:ike"))
    state = [node for node in nodes if not node.config]
    assert {node.path.split("/")[2] for node in state} == {"security-associations", "statistics"}
    assert not any("/security-associations" in node.path for node in nodes if node.config)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("proposal/authentication-algorithm", ("md5", "sha1")),
        ("proposal/encryption-algorithm", ("des-cbc", "3des-cbc")),
        ("proposal/dh-group", ("group1", "group2")),
        ("policy/mode", ("main", "aggressive")),
        ("security-associations/security-association/state", ("matured", "not-matured")),
        ("security-associations/security-association/role", ("initiator", "responder")),
        (
            "statistics/negotiation-outcome/outcome",
            ("established", "timeout", "refused", "authentication-failed", "failed"),
        ),
    ],
)
def test_an_enumeration_has_its_names(schema: Schema, path: str, names: tuple[str, ...]) -> None:
    value_type = schema.node(f"/ipsec-agent-ike:ike/{path}").type
    assert isinstance(value_type, Enumeration)
    assert value_type.names == names


def test_flags_come_in_the_order_of_the_negotiation(schema: Schema) -> None:
    flags = schema.node("/ipsec-agent-ike:ike/security-associations/security-association/flags").type
    assert flags is not None
    assert flags.parse("waiting-for-done caller-notification-sent") == "caller-notification-sent waiting-for-done"
