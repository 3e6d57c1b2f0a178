"""One emulated gateway with its NETCONF server, assembled from a scenario: for the program, tests and pipelines alike.

Assembling opens no socket and reads no clock; management time comes in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from agent.app.configuration_file import BadConfiguration, ConfigurationFile, build, commit
from agent.app.scenario import GatewayPlan, Scenario
from agent.bindings.certificates import CERTIFICATES
from agent.bindings.configuration import Configuration
from agent.bindings.emulation import EMULATION
from agent.bindings.ike import IKE
from agent.bindings.interfaces import IETF_INTERFACES, INTERFACES, Interfaces
from agent.bindings.ipsec import IPSEC
from agent.bindings.redundancy import REDUNDANCY
from agent.bindings.secrets import Secrets
from agent.core.config import IkeSettings
from agent.core.crypto.seal import Seal
from agent.core.device import Device
from agent.core.events import CertificateDatabaseChanged
from agent.core.link import Network
from agent.core.peer import Peer
from agent.core.pki import DatabaseState
from agent.core.world import Entropy, Event, World
from agent.datastore.registry import Registry, compile_bindings
from agent.datastore.schema import ModuleRequest, Schema, load_schema
from agent.datastore.stores import Stores
from agent.datastore.tree import Branch
from agent.netconf.base_notifications import BASE_NOTIFICATIONS
from agent.netconf.monitoring import ACCESS_CONTROL, MONITORING
from agent.netconf.server import Clocks, Server
from agent.netconf.session import SessionLimits
from agent.netconf.subscriptions import STREAMS
from agent.netconf.yang_library import YANG_LIBRARY

MODULES: Final = (
    ModuleRequest("ipsec-agent-ike"),
    ModuleRequest("ipsec-agent-ipsec"),
    ModuleRequest("ipsec-agent-interfaces"),
    ModuleRequest("ipsec-agent-redundancy"),
    ModuleRequest("ipsec-agent-certificates"),
    ModuleRequest("ipsec-agent-emulation"),
    ModuleRequest(
        "ietf-netconf",
        ("writable-running", "candidate", "confirmed-commit", "rollback-on-error", "validate", "startup", "xpath"),
    ),
    ModuleRequest("ietf-netconf-nmda", ("origin", "with-defaults")),
    ModuleRequest("ietf-origin"),
    ModuleRequest("ietf-netconf-monitoring"),
    ModuleRequest("ietf-netconf-acm"),
    ModuleRequest("ietf-datastores"),
    ModuleRequest("ietf-yang-library"),
    ModuleRequest("ietf-netconf-with-defaults"),
    ModuleRequest("notifications"),
    ModuleRequest("nc-notifications"),
    ModuleRequest("ietf-netconf-notifications"),
)
"""The modules that are served, with the features they have."""
BINDINGS: Final = (
    IKE,
    IPSEC,
    INTERFACES,
    REDUNDANCY,
    CERTIFICATES,
    EMULATION,
    MONITORING,
    ACCESS_CONTROL,
    YANG_LIBRARY,
    STREAMS,
    BASE_NOTIFICATIONS,
)


class StartupKeeper(Protocol):
    """Where the startup datastore outlives the process."""

    def load(self) -> ConfigurationFile | None:
        """Return what was kept, None when nothing is."""

    def keep(self, xml: bytes) -> None:
        """Keep top-level elements; OSError when that cannot be done."""


class RollbackKeeper(Protocol):
    """Where what a commit goes back to outlives the process, as long as nobody has confirmed it."""

    def load(self) -> ConfigurationFile | None:
        """Return what was kept, None when nothing is."""

    def keep(self, xml: bytes | None) -> None:
        """Keep top-level elements, or forget them; OSError when that cannot be done."""


class CertificateKeeper(Protocol):
    """Where the certificate database outlives the process."""

    def load(self) -> DatabaseState | None:
        """Return what was kept, None when nothing is."""

    def keep(self, state: DatabaseState) -> None:
        """Keep the database as it is now."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway: the world, the device in it and its network, and the server that shows it."""

    world: World
    device: Device
    network: Network
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
    startup: StartupKeeper | None = None,
    certificates: CertificateKeeper | None = None,
    rollback: RollbackKeeper | None = None,
    settings: IkeSettings | None = None,
) -> Gateway:
    """Assemble a scenario's gateway, configure it, start it, and let it settle; BadConfiguration when it cannot be.

    It is configured by its startup datastore if `startup` has one, and has the certificates that `certificates` has
    kept, else what the scenario says. What `rollback` has goes before either: the device went down with a commit that
    nobody had confirmed, and such a one is undone (RFC 6241 section 8.4).
    """
    world = World(now=scenario.start, seed=scenario.seed, factor=scenario.time_scale, entropy=entropy)
    network = Network(world)
    peers = [_peer(world, network, plan, registry) for plan in scenario.peers]
    device = Device(world, network, scenario.device.bare, settings, peers)
    _restore(device, scenario, certificates)
    clocks, secrets = Clocks(lambda: world.now, management, world.call_at), Secrets(registry.secrets, seal)

    def keep_startup(root: Branch) -> None:
        if startup is not None:
            startup.keep(server.transactions.serialize(root))

    def keep_rollback(root: Branch | None) -> None:
        if rollback is not None:
            rollback.keep(None if root is None else server.transactions.serialize(root))

    stores = Stores(clocks.device, keep_startup, keep_rollback)
    server = Server(registry, stores, clocks, limits, (Configuration(device),), secrets)
    kept = startup.load() if startup is not None else None
    commit((kept,) if kept is not None else scenario.device.configuration, registry, server.transactions, secrets.keep)
    if kept is not None:
        stores.restore_startup(stores.running)
    if rollback is not None and (unconfirmed := rollback.load()) is not None:
        commit((unconfirmed,), registry, server.transactions, secrets.keep)
        rollback.keep(None)
    _attach(server, device)
    device.start()
    world.advance(scenario.start + scenario.settle)
    return Gateway(world, device, network, server)


def _restore(device: Device, scenario: Scenario, keeper: CertificateKeeper | None) -> None:
    """Fill the certificate database, and have what changes in it kept."""
    kept = keeper.load() if keeper is not None else None
    device.certificates.restore(kept or scenario.certificates)
    if keeper is not None:

        def on_event(event: Event) -> None:
            if isinstance(event, CertificateDatabaseChanged):
                keeper.keep(device.certificates.export())

        device.world.bus.subscribe(on_event)


def _peer(world: World, network: Network, plan: GatewayPlan, registry: Registry) -> Peer:
    config = build(plan.configuration, plan.bare, registry)
    try:
        return Peer(world, network, config, initiates=plan.initiates)
    except ValueError as error:
        raise BadConfiguration(f"{plan.configuration[0].name}: {error}") from error


def _attach(server: Server, device: Device) -> None:
    """Say what the bindings of each module take, and have the device's events published."""
    for table in (MONITORING, ACCESS_CONTROL, YANG_LIBRARY, STREAMS):
        server.attach(table.module, server)
    for table in (IKE, IPSEC, REDUNDANCY, CERTIFICATES, EMULATION):
        server.attach(table.module, device)
    server.attach(IETF_INTERFACES, Interfaces(device, server.started_at))
    device.world.bus.subscribe(server.publish)
