"""A server whose device is a certificate database and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from xml.sax.saxutils import escape

from lxml import etree

from agent.bindings.certificates import CERTIFICATES, ROOT
from agent.core.config.certificates import CertificatesConfig
from agent.core.pki import CertificateDatabase
from agent.datastore.edit import parse_configuration
from agent.datastore.registry import Registry, compile_bindings
from agent.datastore.schema import ModuleRequest, load_schema
from agent.datastore.stores import Stores
from agent.netconf.limits import SessionLimits
from agent.netconf.monitoring import ACCESS_CONTROL, MONITORING
from agent.netconf.server import Client, Clocks, Server
from agent.netconf.yang_library import YANG_LIBRARY
from tests.support.access import nacm, rule
from tests.support.certificates import Store, vector
from tests.support.netconf_wire import Wire

NAMESPACE = "urn:ipsec-agent:certificates"
ROOT_PEM = vector("root")
MODULES = ("ipsec-agent-certificates", "ietf-netconf", "ietf-netconf-monitoring", "ietf-netconf-acm")


@cache
def registry() -> Registry:
    """Load the module and compile its bindings, once."""
    schema = load_schema((), tuple(map(ModuleRequest, (*MODULES, "ietf-datastores", "ietf-yang-library"))))
    return compile_bindings(schema, (CERTIFICATES, MONITORING, ACCESS_CONTROL, YANG_LIBRARY))


def anchor_xml(**pems: bytes) -> str:
    """Return a configuration that trusts certificates (PEM) by names."""
    anchors = "".join(
        f"<trust-anchor><name>{name}</name><certificate>{escape(pem.decode())}</certificate></trust-anchor>"
        for name, pem in pems.items()
    )
    return f'<certificates xmlns="{NAMESPACE}">{anchors}</certificates>'


class Gateway:
    """A database, its server and clients that speak over no wire; ann may do everything."""

    def __init__(self, store: Store | None = None, anchor: bytes = ROOT_PEM) -> None:
        """Serve a database, by default an empty one, with one trust anchor."""
        self.store = store or Store()
        world, stores = self.store.world, Stores(lambda: self.store.world.now)
        clocks = Clocks(lambda: world.now, lambda: 0.0)
        self.server = Server(registry(), stores, clocks, SessionLimits(), (self,))
        for table in (MONITORING, ACCESS_CONTROL, YANG_LIBRARY):
            self.server.attach(table.module, self.server)
        self.server.attach(CERTIFICATES.module, self)
        self.configure(anchor_xml(root=anchor))

    @property
    def certificates(self) -> CertificateDatabase:
        """The database: satisfies what the bindings take."""
        return self.store.database

    def prepare(self, values: Mapping[str, object]) -> Callable[[], None]:
        """Apply what was built: satisfies datastore.transaction.Configured."""
        config = values[ROOT]
        assert isinstance(config, CertificatesConfig)
        self.certificates.check(config)
        return lambda: self.certificates.configure(config)

    def configure(self, xml: str) -> None:
        """Make something the running configuration."""
        document = etree.fromstring(f"<config>{xml}{nacm(rule('permit'))}</config>")
        self.server.transactions.commit(parse_configuration(registry().schema, document))

    def connect(self, user: str = "ann") -> Wire:
        """Open a session."""
        client = Client(user, "192.0.2.1", "netconf-ssh")
        wire = Wire(self.server.open_session(client, lambda: None), registry().schema)
        wire.hello()
        return wire
