"""Who may read and change what: the access rules of our modules hold for statements too."""

from __future__ import annotations

import pytest

from tests.support.junos_configuration import COMMIT, ConfiguredRouter, load_set, refused
from tests.support.netconf_wire import NAMESPACES, Wire

GET = '<get-configuration format="set"/>'
REQUESTS = (
    GET,
    load_set("set system host-name r1"),
    '<load-configuration rollback="0"/>',
    '<load-configuration rollback="1"/>',
    COMMIT,
    "<commit-configuration><check/></commit-configuration>",
    "<lock-configuration/>",
    "<unlock-configuration/>",
    "<open-configuration><private/></open-configuration>",
    "<close-configuration/>",
    "<get-rollback-information/>",
    "<get-commit-information/>",
    "<get-commit-revision-information/>",
)


@pytest.fixture(scope="module")
def router() -> ConfiguredRouter:
    return ConfiguredRouter()


def configured(wire: Wire) -> list[str]:
    return (wire.rpc(GET).findtext("{*}configuration-set") or "").split("\n")


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_guest_is_refused_everything(router: ConfiguredRouter, request_: str) -> None:
    reply = router.connect("guest").rpc(request_)
    assert reply.findtext("nc:rpc-error/nc:error-tag", None, NAMESPACES) == "access-denied"
    assert refused(reply) == ["permission denied"]


def test_an_operator_reads_all_but_secrets(router: ConfiguredRouter) -> None:
    admin, operator = configured(router.connect()), configured(router.connect("operator"))
    secrets = [line for line in admin if "$sealed$" in line]
    assert len(secrets) == 4
    assert operator == [line for line in admin if line not in secrets]


def test_an_operator_changes_nothing(router: ConfiguredRouter) -> None:
    operator = router.connect("operator")
    for request in REQUESTS[1:8]:
        assert refused(operator.rpc(request)) == ["permission denied"]


EDITOR = """
  <nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><rule-list><name>operator</name><rule>
    <name>edit</name><rpc-name>edit-config</rpc-name><access-operations>exec</access-operations><action>permit</action>
  </rule></rule-list></nacm>
"""
"""The operator may carry out edits, of nothing that the rules let it write."""


@pytest.fixture
def editor() -> Wire:
    router = ConfiguredRouter()
    reply = router.connect().rpc(f"<edit-config><target><running/></target><config>{EDITOR}</config></edit-config>")
    assert reply.find("nc:ok", NAMESPACES) is not None
    return router.connect("operator")


@pytest.mark.parametrize(
    "command",
    [
        "set security ike policy 4.4.4.4 mode aggressive",
        "set system host-name r1",
        "delete security ike policy 4.4.4.4 mode",
        "delete security",
    ],
)
def test_what_the_rules_do_not_let_write_is_denied_where_it_stands(editor: Wire, command: str) -> None:
    reply = editor.rpc(load_set(command))
    assert reply.findtext("nc:rpc-error/nc:error-tag", None, NAMESPACES) == "access-denied"
    assert [message.rpartition("]")[2].split(" ", 2)[2] for message in refused(reply)] == ["permission denied"]


@pytest.mark.parametrize(
    "command",
    [
        "delete security ike policy 4.4.4.4 pre-shared-key ascii-text",
        "delete security ike policy 4.4.4.4 pre-shared-key hexadecimal",
        "set security ike policy 4.4.4.4 pre-shared-key ascii-text between-4.4.4.5-and-4.4.4.4",
        "set security ike policy 4.4.4.4 pre-shared-key ascii-text wrong",
    ],
)
def test_no_answer_tells_whether_a_secret_is_there_or_guessed(editor: Wire, command: str) -> None:
    reply = editor.rpc(load_set(command))
    assert reply.findtext("nc:rpc-error/nc:error-tag", None, NAMESPACES) == "access-denied"
    assert refused(reply) == ["permission denied"]
