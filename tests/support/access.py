"""Access control configurations (RFC 8341) as short as tests want them."""

from __future__ import annotations

from agent.datastore.nacm import NACM, AccessControl
from agent.datastore.registry import Caller
from agent.datastore.tree import Branch, find
from tests.support.shop import configuration, toy_schema

NAMESPACE = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"


def nacm(*rules: str, settings: str = "", group: str = "staff", users: tuple[str, ...] = ("ann",)) -> str:
    """Return the configuration of one group and the rules that hold for it."""
    members = "".join(f"<user-name>{user}</user-name>" for user in users)
    listed = "".join(f"<rule><name>{number}</name>{rule}</rule>" for number, rule in enumerate(rules))
    return (
        f'<nacm xmlns="{NAMESPACE}">{settings}<groups><group><name>{group}</name>{members}</group></groups>'
        f"<rule-list><name>all</name><group>{group}</group>{listed}</rule-list></nacm>"
    )


def rule(action: str, content: str = "", operations: str = "*") -> str:
    """Return the content of one rule; paths may use the prefix toy."""
    return f"<access-operations>{operations}</access-operations><action>{action}</action>{content}"


def path(of: str) -> str:
    """Return the path of a rule."""
    return f'<path xmlns:toy="urn:toy">{of}</path>'


def access(xml: str = "") -> AccessControl:
    """Compile a configuration."""
    schema = toy_schema()
    return AccessControl(find(schema, configuration(xml), NACM) or Branch(schema.node(NACM)))


def caller(*groups: str, user: str = "ann") -> Caller:
    """Return a user with groups."""
    return Caller(1, user, frozenset(groups), "192.0.2.1")
