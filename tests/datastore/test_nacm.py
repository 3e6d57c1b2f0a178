"""The access decision of RFC 8341 section 3.4, rule by rule."""

from __future__ import annotations

import pytest

from agent.datastore.errors import ErrorType, InstancePath, PathStep, RpcError
from agent.datastore.nacm import AccessControl, AccessCounters, AccessOperation
from agent.datastore.schema import SchemaNode
from tests.support.access import NAMESPACE, access, caller, nacm, path, rule
from tests.support.edits import serialized
from tests.support.shop import configuration, toy_schema

ANN = caller("staff")
STRANGER = caller(user="eve")
DENY_READ = "<read-default>deny</read-default>"
DENY_EXEC = "<exec-default>deny</exec-default>"


def node(of: str) -> SchemaNode:
    """Return a node of the toy module."""
    return toy_schema().node(f"/toy:{of}")


def rpc(name: str) -> SchemaNode:
    """Return an operation of RFC 6241."""
    return toy_schema().node(f"/ietf-netconf:{name}")


# Without rules.


def test_the_defaults_are_those_of_the_module() -> None:
    control = access()
    assert control.is_enabled
    assert control.may_read(ANN, node("shop/name"))
    assert control.may_execute(ANN, node("buy"))
    assert not control.may_access(ANN, node("shop/name"), AccessOperation.UPDATE)


@pytest.mark.parametrize("operation", list(AccessOperation))
def test_what_is_denied_to_all_by_default_needs_a_rule(operation: AccessOperation) -> None:
    assert not access().may_access(ANN, node("shop/secret"), operation)
    assert not access().may_execute(ANN, node("forbidden"))


def test_what_is_below_a_node_that_is_denied_to_all_is_denied() -> None:
    groups = toy_schema().node("/ietf-netconf-acm:nacm/groups")
    assert not access().may_read(ANN, groups)


@pytest.mark.parametrize("operation", ["kill-session", "delete-config"])
def test_dangerous_operations_are_denied_by_default(operation: str) -> None:
    """RFC 8341 section 3.2.5."""
    assert not access().may_execute(ANN, rpc(operation))
    assert access(nacm(rule("permit"))).may_execute(ANN, rpc(operation))


def test_closing_the_session_is_always_allowed() -> None:
    """Row D30."""
    assert access(nacm(rule("deny"), settings=DENY_EXEC)).may_execute(ANN, rpc("close-session"))


def test_access_control_can_be_switched_off() -> None:
    control = access(nacm(rule("deny"), settings="<enable-nacm>false</enable-nacm>"))
    assert not control.is_enabled
    assert control.may_read(ANN, node("shop/secret"))
    assert control.may_execute(ANN, rpc("kill-session"))
    assert control.may_access(ANN, node("shop/secret"), AccessOperation.DELETE)


# Rules.


def test_the_first_rule_that_speaks_of_it_decides() -> None:
    permit, deny = rule("permit", path("/toy:shop/toy:name")), rule("deny", path("/toy:shop"))
    assert access(nacm(permit, deny)).may_read(ANN, node("shop/name"))
    assert not access(nacm(permit, deny)).may_read(ANN, node("shop/tag"))
    assert not access(nacm(deny, permit)).may_read(ANN, node("shop/name"))


def test_rules_hold_for_their_group_alone() -> None:
    control = access(nacm(rule("permit"), settings=DENY_READ))
    assert control.may_read(ANN, node("shop/name"))
    assert not control.may_read(STRANGER, node("shop/name"))


def test_rules_for_every_group_hold_for_everybody_who_has_one_and_for_nobody_else() -> None:
    """RFC 8341 section 3.4.4, step 4: for who has no group, no rule is looked at."""
    control = access(
        nacm(rule("permit"), settings=DENY_READ, group="*", users=()).replace("<group><name>*</name></group>", "")
    )
    assert control.may_read(caller("any"), node("shop/name"))
    assert not control.may_read(STRANGER, node("shop/name"))


@pytest.mark.parametrize(
    ("operations", "allowed"),
    [
        ("*", {"read", "create", "update", "delete"}),
        ("read", {"read"}),
        ("create delete", {"create", "delete"}),
        ("exec", set()),
    ],
)
def test_a_rule_speaks_of_its_operations_alone(operations: str, allowed: set[str]) -> None:
    control = access(nacm(rule("permit", path("/toy:shop"), operations), settings=DENY_READ))
    data = [operation for operation in AccessOperation if operation is not AccessOperation.EXECUTE]
    assert {one.value for one in data if control.may_access(ANN, node("shop/name"), one)} == allowed


def test_a_rule_speaks_of_its_module_alone() -> None:
    control = access(nacm(rule("permit", "<module-name>toy</module-name>"), settings=DENY_READ + DENY_EXEC))
    assert control.may_read(ANN, node("shop/name"))
    assert control.may_execute(ANN, node("buy"))
    assert not control.may_execute(ANN, rpc("get"))
    assert not control.may_read(ANN, toy_schema().node("/ietf-netconf-monitoring:netconf-state"))


def test_a_rule_for_an_operation_says_nothing_of_data_and_of_other_operations() -> None:
    control = access(nacm(rule("permit", "<rpc-name>buy</rpc-name>"), settings=DENY_READ + DENY_EXEC))
    assert control.may_execute(ANN, node("buy"))
    assert not control.may_execute(ANN, node("wait"))
    assert not control.may_read(ANN, node("shop/name"))


def test_a_rule_for_every_operation_names_a_star() -> None:
    control = access(nacm(rule("permit", "<rpc-name>*</rpc-name>"), settings=DENY_EXEC))
    assert control.may_execute(ANN, node("forbidden"))


def test_a_rule_for_a_notification_says_nothing_of_data_and_operations() -> None:
    control = access(
        nacm(rule("permit", "<notification-name>sold-out</notification-name>"), settings=DENY_READ + DENY_EXEC)
    )
    assert not control.may_read(ANN, node("shop"))
    assert not control.may_execute(ANN, node("buy"))


def test_a_rule_for_a_path_says_nothing_of_operations() -> None:
    assert not access(nacm(rule("permit", path("/toy:shop")), settings=DENY_EXEC)).may_execute(ANN, node("buy"))


def test_a_path_reaches_what_is_below_it_and_nothing_beside_it() -> None:
    control = access(nacm(rule("permit", path("/toy:shop/toy:shelf")), settings=DENY_READ))
    assert control.may_read(ANN, node("shop/shelf/label"))
    assert not control.may_read(ANN, node("shop"))
    assert not control.may_read(ANN, node("shop/name"))


def test_a_path_that_is_the_beginning_of_a_name_reaches_nothing() -> None:
    assert access(nacm(rule("deny", path("/toy:shop/toy:ta")))).may_read(ANN, node("shop/tag"))


@pytest.mark.parametrize("predicate", ["[toy:row='1'][toy:column='a']", "[toy:row=\"1\"][toy:column=']/toy:x[']"])
def test_a_rule_for_one_instance_denies_more_and_never_permits_more(predicate: str) -> None:
    of = path(f"/toy:shop/toy:shelf{predicate}/toy:label")
    assert not access(nacm(rule("deny", of))).may_read(ANN, node("shop/shelf/label"))
    assert access(nacm(rule("deny", of))).may_read(ANN, node("shop/shelf/column"))
    assert not access(nacm(rule("permit", of), settings=DENY_READ)).may_read(ANN, node("shop/shelf/label"))


# Notifications.

DENY_NOTIFICATIONS = "<notification-name>*</notification-name>"


def test_who_may_read_is_told() -> None:
    """RFC 8341 section 3.4.6."""
    assert access().may_notify(ANN, node("sold-out"))
    assert not access(nacm(settings=DENY_READ)).may_notify(ANN, node("sold-out"))


def test_a_notification_that_is_denied_to_all_by_default_needs_a_rule() -> None:
    assert not access().may_notify(ANN, node("closed"))
    assert access(nacm(rule("permit", "<notification-name>closed</notification-name>"))).may_notify(ANN, node("closed"))


@pytest.mark.parametrize(
    ("content", "operations", "denies"),
    [
        ("<notification-name>sold-out</notification-name>", "*", True),
        ("<notification-name>sold-out</notification-name>", "read", True),
        ("<notification-name>sold-out</notification-name>", "exec update", False),
        ("<notification-name>closed</notification-name>", "*", False),
        ("<module-name>toy</module-name>" + DENY_NOTIFICATIONS, "*", True),
        ("<module-name>ietf-netconf</module-name>" + DENY_NOTIFICATIONS, "*", False),
        ("", "*", True),
        ("<rpc-name>*</rpc-name>", "*", False),
        (path("/toy:shop"), "*", False),
    ],
)
def test_a_rule_speaks_of_its_notifications_alone(content: str, operations: str, denies: bool) -> None:
    control = access(nacm(rule("deny", content, operations)))
    assert control.may_notify(ANN, node("sold-out")) is not denies
    assert control.may_notify(STRANGER, node("sold-out"))


@pytest.mark.parametrize("name", ["replayComplete", "notificationComplete"])
def test_what_tells_of_the_subscription_itself_no_rule_withholds(name: str) -> None:
    """RFC 8341 section 3.2.6."""
    control = access(nacm(rule("deny"), settings=DENY_READ))
    assert control.may_notify(ANN, toy_schema().node(f"/nc-notifications:{name}"))
    assert not control.may_notify(ANN, node("sold-out"))


def test_everything_is_told_where_access_control_is_off() -> None:
    control = access(nacm(rule("deny"), settings="<enable-nacm>false</enable-nacm>"))
    assert control.may_notify(ANN, node("closed"))


# Groups.


def test_the_groups_of_a_user_are_those_that_name_it() -> None:
    control = access(nacm(users=("ann", "bob")))
    assert control.groups("ann") == {"staff"}
    assert control.groups("eve") == frozenset()


def test_groups_from_elsewhere_count_unless_they_are_not_taken() -> None:
    assert access(nacm()).groups("ann", ["wheel"]) == {"staff", "wheel"}
    control = access(nacm(settings="<enable-external-groups>false</enable-external-groups>"))
    assert control.groups("ann", ["wheel"]) == {"staff"}


def test_rule_lists_are_read_in_their_order() -> None:
    lists = "".join(
        f"<rule-list><name>{name}</name><group>*</group><rule><name>1</name>{rule(action)}</rule></rule-list>"
        for name, action in (("z", "permit"), ("a", "deny"))
    )
    assert access(f'<nacm xmlns="{NAMESPACE}">{DENY_READ}{lists}</nacm>').may_read(caller("any"), node("shop"))


# What is refused, and counted.


def denied(control: AccessControl, counters: AccessCounters) -> list[RpcError]:
    """Return the refusals of an operation and of a change."""
    refused = []
    with pytest.raises(RpcError) as execution:
        control.require_execute(ANN, node("buy"), counters)
    refused.append(execution.value)
    with pytest.raises(RpcError) as write:
        control.require_write(ANN, node("shop/name"), AccessOperation.DELETE, (), counters)
    refused.append(write.value)
    return refused


def test_denied_operations_and_changes_are_counted_apart() -> None:
    counters = AccessCounters()
    refused = denied(access(nacm(settings=DENY_EXEC)), counters)
    assert [error.tag for error in refused] == ["access-denied", "access-denied"]
    assert (counters.operations, counters.data_writes, counters.notifications) == (1, 1, 0)


def test_what_is_allowed_is_not_counted() -> None:
    counters = AccessCounters()
    control = access(nacm(rule("permit")))
    control.require_execute(ANN, node("buy"), counters)
    control.require_write(ANN, node("shop/name"), AccessOperation.CREATE, (), counters)
    assert counters == AccessCounters()


# What no answer tells.


def instance(*names: str) -> InstancePath:
    """Return the path of a node of the shop."""
    return tuple(PathStep(node("/".join(names[: length + 1]))) for length in range(len(names)))


def test_a_refusal_names_no_node_that_the_user_cannot_read() -> None:
    control, hidden, shown = access(nacm()), instance("shop", "secret"), instance("shop", "name")
    for of, told in ((hidden, ()), (shown, shown)):
        with pytest.raises(RpcError) as refused:
            control.require_write(ANN, of[-1].node, AccessOperation.UPDATE, of, AccessCounters())
        assert refused.value.path == told
        assert of[-1].node.name not in refused.value.message


@pytest.mark.parametrize("tag", ["data-exists", "data-missing"])
def test_an_error_that_tells_of_a_hidden_node_becomes_a_refusal(tag: str) -> None:
    control = access(nacm(rule("deny", path("/toy:shop/toy:rules"))))
    for names in (("shop", "secret"), ("shop", "rules", "limit")):
        error = RpcError(ErrorType.APPLICATION, tag, "it is or it is not", path=instance(*names))
        concealed = control.concealed(ANN, error)
        assert (concealed.tag, concealed.path) == ("access-denied", ())
    error = RpcError(ErrorType.APPLICATION, tag, "it is or it is not", path=instance("shop", "name"))
    assert control.concealed(ANN, error) is error


def test_an_error_that_tells_of_the_request_alone_stays() -> None:
    error = RpcError(ErrorType.APPLICATION, "invalid-value", "no", path=instance("shop", "secret"))
    assert access().concealed(ANN, error) is error


def test_what_is_readable_of_a_tree_is_what_a_reply_would_show() -> None:
    tree = configuration(
        '<shop xmlns="urn:toy"><name>a</name><secret>b</secret><tag>c</tag>'
        "<shelf><row>1</row><column>a</column><label>x</label></shelf><queue><name>d</name></queue></shop>"
    )
    hidden = [rule("deny", path(f"/toy:shop/toy:{of}")) for of in ("tag", "shelf/toy:label", "queue/toy:name")]
    control = access(nacm(*hidden))
    assert serialized(control.readable(ANN, tree)) == (
        '<shop xmlns="urn:toy"><name>a</name><shelf><row>1</row><column>a</column></shelf></shop>'
    )
    assert "secret" in serialized(tree)
