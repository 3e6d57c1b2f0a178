"""One emulated gateway with its NETCONF server, assembled from a scenario: for the program, tests and pipelines alike.

Assembling opens no socket and reads no clock; management time comes in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.app.errors import AppError
from agent.app.scenario import Scenario
from agent.bindings.configuration import Configuration
from agent.bindings.ike import IKE
from agent.bindings.secrets import Secrets
from agent.core.crypto.seal import Seal
from agent.core.device import Device
from agent.core.link import Network
from agent.core.peer import Peer
from agent.core.world import Entropy, World
from agent.datastore.errors import RpcError, RpcErrors
from agent.datastore.parsing import parse_configuration
from agent.datastore.registry import Registry, compile_bindings
from agent.datastore.schema import ModuleRequest, Schema, load_schema
from agent.datastore.stores import Stores
from agent.datastore.transaction import Transactions
from agent.netconf.messages import MalformedMessage, parse_document
from agent.netconf.monitoring import ACCESS_CONTROL, MONITORING
from agent.netconf.server import Clocks, Server
from agent.netconf.session import SessionLimits
from agent.netconf.yang_library import YANG_LIBRARY

MODULES: Final = (
    ModuleRequest("ipsec-agent-ike"),
    ModuleRequest("ietf-netconf"),
    ModuleRequest("ietf-netconf-monitoring"),
    ModuleRequest("ietf-netconf-acm"),
    ModuleRequest("ietf-datastores"),
    ModuleRequest("ietf-yang-library"),
)
"""The modules that are served, with the features they have."""
BINDINGS: Final = (IKE, MONITORING, ACCESS_CONTROL, YANG_LIBRARY)


class BadConfiguration(AppError):
    """A scenario's configuration that the device refuses; the message lists every reason."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway: the world, the device in it, and the server that shows it."""

    world: World
    device: Device
    server: Server


def load_registry(extra: tuple[Path, ...] = ()) -> Registry:
    """Load the schema and resolve the bindings: once per process, shared by every gateway in it."""
    schema: Schema = load_schema(extra, MODULES)
    return compile_bindings(schema, BINDINGS)


def boot(
    scenario: Scenario,
    registry: Registry,
    seal: Seal,
    management: Callable[[], float],
    limits: SessionLimits = SessionLimits(),
    entropy: Entropy | None = None,
) -> Gateway:
    """Assemble a scenario's gateway, configure it, start it, and let it settle; BadConfiguration when it cannot be."""
    world = World(now=scenario.start, seed=scenario.seed, factor=scenario.time_scale, entropy=entropy)
    network = Network(world)
    peers = [Peer(world, network, plan) for plan in scenario.peers]
    device = Device(world, network, scenario.device, peers=peers)
    stores = Stores(lambda: world.now)
    secrets = Secrets(registry.secrets, seal)
    server = Server(registry, stores, Clocks(lambda: world.now, management), limits)
    transactions = Transactions(registry, stores, (Configuration(device), server), secrets.open)
    _configure(scenario.configuration, registry, secrets, transactions)
    _attach(server, device)
    device.start()
    world.advance(scenario.start + scenario.settle)
    return Gateway(world, device, server)


def _attach(server: Server, device: Device) -> None:
    """Say what the bindings of each module take."""
    for table in (MONITORING, ACCESS_CONTROL, YANG_LIBRARY):
        server.attach(table.module, server)
    server.attach(IKE.module, device)


def _configure(xml: bytes, registry: Registry, secrets: Secrets, transactions: Transactions) -> None:
    try:
        root = parse_document(xml)
        transactions.commit(parse_configuration(registry.schema, root, secrets.keep))
    except MalformedMessage as error:
        raise BadConfiguration(f"the scenario's configuration is {error}") from error
    except (RpcError, RpcErrors) as error:
        reasons = "\n".join(f"  {problem.message}" for problem in error.errors)
        raise BadConfiguration(f"the scenario's configuration is refused:\n{reasons}") from error
