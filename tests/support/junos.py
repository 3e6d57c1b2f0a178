"""The router of the chapter, as its clients have it: a prompt, or a session of NETCONF."""

from __future__ import annotations

import json
from typing import Any

from lxml import etree

from agent.app.router import open_shell
from agent.junos.markup import NAMESPACE
from agent.junos.shell import Shell
from agent.netconf.server import Client
from tests.support.chapter import Emulation
from tests.support.netconf_wire import BASE, Wire


def prompt(emulation: Emulation, user: str = "admin") -> Shell:
    """Return the prompt of a user."""
    return open_shell(emulation.gateway.server, Client(user, "127.0.0.1", "cli"))


def plain(element: etree._Element) -> etree._Element:
    """Return an element without namespaces, as clients of the vendor read it."""
    copy = etree.fromstring(etree.tostring(element))
    for each in copy.iter(etree.Element):
        each.tag = etree.QName(each).localname
    etree.cleanup_namespaces(copy)
    return copy


def answer(wire: Wire, operation: str) -> etree._Element:
    """Return what is in the reply, which is one element."""
    reply = plain(wire.rpc(operation))
    (content,) = reply
    return content


def output(wire: Wire, command: str) -> list[str]:
    """Return the lines of a command's text."""
    found = answer(wire, f'<command format="text">{command}</command>')
    assert found.tag == "output", etree.tostring(found)
    return (found.text or "").strip("\n").splitlines()


def objects(wire: Wire, operation: str) -> Any:
    """Return the JSON that is in the reply."""
    reply = wire.rpc(operation)
    assert len(reply) == 0, etree.tostring(reply)
    return json.loads(reply.text or "")


def in_namespace(name: str, namespace: str | None) -> str:
    """Return an empty operation in a namespace, or in none, whatever that of the envelope."""
    return f'<{name} xmlns="{namespace or ""}"/>'


__all__ = ["BASE", "NAMESPACE", "answer", "in_namespace", "objects", "output", "plain", "prompt"]
