"""A gateway whose configuration is spoken to as a router's, with clients that speak over no wire."""

from __future__ import annotations

from functools import cache

from lxml import etree

from agent.datastore.diff import differences
from agent.datastore.edit import parse_configuration
from agent.datastore.registry import Caller
from agent.datastore.stores import Datastore
from agent.datastore.tree import Branch
from agent.junos.configuration.definitions import Hierarchy, compile_hierarchy
from agent.junos.configuration.face import ConfigurationFace
from agent.junos.router import Format, Router
from tests.support.chapter import Emulation, registry
from tests.support.netconf_wire import Wire


@cache
def hierarchy() -> Hierarchy:
    """Resolve the hierarchy, once."""
    return compile_hierarchy(registry())


def tree(content: str) -> Branch:
    """Return a configuration of ours from top-level elements, its secrets as they are given."""
    return parse_configuration(registry().schema, etree.fromstring(f"<config>{content}</config>"))


def is_same(one: Branch, other: Branch) -> bool:
    """Tell whether two configurations do not differ."""
    return next(differences(one, other), None) is None


class ConfiguredRouter(Emulation):
    """A booted gateway, by default the chapter's, and its configuration as a router's."""

    @property
    def face(self) -> ConfigurationFace:
        """The configuration database."""
        router = self.gateway.server.subjects["junos"]
        assert isinstance(router, Router)
        assert isinstance(router.configuration, ConfigurationFace)
        return router.configuration

    def root(self, datastore: Datastore) -> Branch:
        """Return what a datastore holds."""
        return self.gateway.server.stores.root(datastore)

    def text(self, path: str = "", format_: Format = Format.TEXT, user: str = "admin") -> list[str]:
        """Return the lines of the configuration in use, but for who committed it."""
        caller = Caller(1, user, self.gateway.server.access.groups(user), "192.0.2.1")
        return [line for line in self.face.show(caller, path, format_) if not line.startswith("##")]


def load_set(*commands: str) -> str:
    """Return a load-configuration of commands."""
    text = "\n".join(commands)
    return (
        '<load-configuration action="set" format="text">'
        f"<configuration-set>{_escaped(text)}</configuration-set></load-configuration>"
    )


def load_text(text: str, action: str = "replace") -> str:
    """Return a load-configuration of text with braces."""
    return (
        f'<load-configuration action="{action}" format="text">'
        f"<configuration-text>{_escaped(text)}</configuration-text></load-configuration>"
    )


def load_xml(content: str, action: str = "merge") -> str:
    """Return a load-configuration of elements."""
    return f'<load-configuration action="{action}"><configuration>{content}</configuration></load-configuration>'


COMMIT = "<commit-configuration/>"
COMPARE = '<get-configuration compare="rollback" rollback="0" format="text"/>'


def difference(wire: Wire, request: str = COMPARE) -> list[str]:
    """Return the lines of how the candidate differs from what is in use."""
    output = wire.rpc(request).find(".//{*}configuration-output")
    assert output is not None
    return (output.text or "").strip("\n").splitlines()


def refused(reply: etree._Element) -> list[str]:
    """Return the level, the statement and the message of every error of a reply."""
    return [
        " ".join(
            filter(None, (each.findtext(f".//{{*}}{name}") for name in ("error-path", "bad-element", "error-message")))
        )
        for each in reply.iterfind(".//{*}rpc-error")
    ]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
