"""A server that shows the redundancy of a device, and a client of it who may do everything."""

from __future__ import annotations

from functools import cache

from lxml import etree

from agent.bindings.redundancy import REDUNDANCY
from agent.datastore.edit import parse_configuration
from agent.datastore.registry import Registry, compile_bindings
from agent.datastore.schema import ModuleRequest, load_schema
from agent.datastore.stores import Stores
from agent.netconf.limits import SessionLimits
from agent.netconf.monitoring import ACCESS_CONTROL, MONITORING
from agent.netconf.server import Client, Clocks, Server
from agent.netconf.subscriptions import STREAMS
from agent.netconf.yang_library import YANG_LIBRARY
from tests.support.access import nacm, rule
from tests.support.devices import Lab
from tests.support.netconf_wire import Wire

NAMESPACE = "urn:ipsec-agent:redundancy"
MODULES = (
    "ipsec-agent-redundancy",
    "ietf-netconf",
    "ietf-netconf-monitoring",
    "ietf-netconf-acm",
    "ietf-datastores",
    "ietf-yang-library",
    "notifications",
    "nc-notifications",
)


@cache
def registry() -> Registry:
    """Load the module and compile its bindings, once."""
    schema = load_schema((), tuple(map(ModuleRequest, MODULES)))
    return compile_bindings(schema, (REDUNDANCY, MONITORING, ACCESS_CONTROL, YANG_LIBRARY, STREAMS))


def connect(lab: Lab) -> Wire:
    """Serve the device of a lab, and open a session."""
    world = lab.world
    clocks = Clocks(lambda: world.now, lambda: 0.0)
    server = Server(registry(), Stores(clocks.device), clocks, SessionLimits(), ())
    for table in (MONITORING, ACCESS_CONTROL, YANG_LIBRARY, STREAMS):
        server.attach(table.module, server)
    server.attach(REDUNDANCY.module, lab.device)
    document = etree.fromstring(f"<config>{nacm(rule('permit'))}</config>")
    server.transactions.commit(parse_configuration(registry().schema, document))
    world.bus.subscribe(server.publish)
    client = Client("ann", "192.0.2.1", "netconf-ssh")
    wire = Wire(server.open_session(client, lambda: None), registry().schema)
    wire.hello()
    return wire
