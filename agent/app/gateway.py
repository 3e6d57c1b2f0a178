"""One emulated gateway with its NETCONF server, assembled from a scenario: for the program, tests and pipelines alike.

Assembling opens no socket and reads no clock; management time comes in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from agent.app.configuration_file import BadConfiguration, Builder, ConfigurationFile, commit
from agent.app.errors import AppError
from agent.app.router import make_router
from agent.app.running import Gateway
from agent.app.scenario import GatewayPlan, Scenario
from agent.app.scenario.timeline import Timeline, behave
from agent.app.scenario.traffic import begin_traffic
from agent.bindings.certificates import CERTIFICATES
from agent.bindings.configuration import Configuration
from agent.bindings.emulation import EMULATION
from agent.bindings.hand import Emulated, Load
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
from agent.core.pki import DatabaseState, Refusal
from agent.core.world import Entropy, World
from agent.datastore.faults import Faults
from agent.datastore.registry import AuditFailed, Registry, compile_bindings
from agent.datastore.schema import DefinitionsKeeper, ModuleRequest, SchemaError, load_schema
from agent.datastore.stores import Stores
from agent.datastore.tree import Branch
from agent.junos.configuration.rollbacks import History, NoHistory
from agent.junos.rpc import JUNOS
from agent.netconf.base_notifications import BASE_NOTIFICATIONS
from agent.netconf.limits import SessionLimits
from agent.netconf.monitoring import ACCESS_CONTROL, MONITORING
from agent.netconf.server import NO_FILES, Clocks, Server
from agent.netconf.subscribed.state import PUSHED, SUBSCRIPTIONS
from agent.netconf.subscriptions import STREAMS
from agent.netconf.url import Files
from agent.netconf.yang_library import YANG_LIBRARY, tell_changes

MODULES: Final = (
    ModuleRequest("ipsec-agent-ike"),
    ModuleRequest("ipsec-agent-ipsec"),
    ModuleRequest("ipsec-agent-interfaces"),
    ModuleRequest("ipsec-agent-redundancy"),
    ModuleRequest("ipsec-agent-certificates"),
    ModuleRequest("ipsec-agent-emulation"),
    ModuleRequest("ipsec-agent-system"),
    ModuleRequest(
        "ietf-netconf",
        (
            "writable-running",
            "candidate",
            "confirmed-commit",
            "rollback-on-error",
            "validate",
            "startup",
            "url",
            "xpath",
        ),
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
    ModuleRequest("ietf-netconf-partial-lock"),
    ModuleRequest("ietf-nmda-compare"),
    ModuleRequest("ietf-subscribed-notifications", ("encode-xml", "replay", "subtree", "xpath")),
    ModuleRequest("ietf-yang-push", ("on-change",)),
    ModuleRequest("ipsec-agent-deviations"),
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
    SUBSCRIPTIONS,
    PUSHED,
)
SETTING_OF: Final = MappingProxyType(
    {
        Refusal.TOO_MANY_CERTIFICATES: "certificates",
        Refusal.CERTIFICATE_TOO_LARGE: "certificate-bytes",
        Refusal.CRL_TOO_LARGE: "crl-bytes",
    }
)
"""The limits of the certificate database, as the settings name them."""
CHANCE_OCTETS: Final = 4


class BadModules(AppError):
    """Modules of the user's own that cannot be served; the message has a line for each reason."""

    exit_code = 2


class StartupKeeper(Protocol):
    """Where the startup datastore outlives the process."""

    def load(self) -> ConfigurationFile | None:
        """Return what was kept, None when nothing is."""

    def set_aside(self, reason: str) -> None:
        """Put what was kept where it is not found again, and tell why."""

    def keep(self, xml: bytes) -> None:
        """Keep top-level elements; OSError when that cannot be done."""


class RollbackKeeper(Protocol):
    """Where what a commit goes back to outlives the process, as long as nobody has confirmed it."""

    def load(self) -> ConfigurationFile | None:
        """Return what was kept, None when nothing is."""

    def set_aside(self, reason: str) -> None:
        """Put what was kept where it is not found again, and tell why."""

    def keep(self, xml: bytes | None) -> None:
        """Keep top-level elements, or forget them; OSError when that cannot be done."""


class CapabilityKeeper(Protocol):
    """Where it is known over a restart what the server announced before it."""

    def load(self) -> tuple[str, ...]:
        """Return what was announced last; nothing at the first start."""

    def keep(self, capabilities: Sequence[str]) -> None:
        """Keep what is announced now."""


class CertificateKeeper(Protocol):
    """Where the certificate database outlives the process."""

    def load(self) -> DatabaseState | None:
        """Return what was kept, None when nothing is."""

    def keep(self, state: DatabaseState) -> None:
        """Keep the database as it is now."""


def load_registry(extra: tuple[Path, ...] = (), keeper: DefinitionsKeeper | None = None) -> Registry:
    """Load the schema and resolve the bindings: once per process, shared by every gateway in it.

    `extra` are files and directories of modules that nobody here has written; `keeper` knows what was read of all of
    them before. BadModules when they cannot be used.
    """
    try:
        return compile_bindings(load_schema(extra, MODULES, keeper), BINDINGS, (JUNOS,))
    except (SchemaError, AuditFailed) as error:
        if extra:
            raise BadModules(str(error)) from error
        raise


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a gateway outlives the process, and what it takes of its operator: nothing, unless it is said.

    It is configured by its startup datastore if `startup` has one, and has the certificates that `certificates` has
    kept, else what the scenario says. What `rollback` has goes before either: the device went down with a commit that
    nobody had confirmed, and such a one is undone (RFC 6241 section 8.4). Neither is loaded in part: what is refused is
    set aside, and the device boots without it. `commits` gives a server its history. `files` are those that URLs name;
    no access rule holds for `recovery_users`.
    """

    startup: StartupKeeper | None = None
    rollback: RollbackKeeper | None = None
    certificates: CertificateKeeper | None = None
    announced: CapabilityKeeper | None = None
    commits: Callable[[Server], History] | None = None
    files: Files = NO_FILES
    recovery_users: Collection[str] = ()


def boot(
    scenario: Scenario,
    registry: Registry,
    seal: Seal,
    management: Callable[[], float],
    limits: SessionLimits = SessionLimits(),
    entropy: Entropy | None = None,
    settings: IkeSettings | None = None,
    kept: Kept = Kept(),
    watch: Callable[[Server], object] = lambda server: None,
    load: Load | None = None,
) -> Gateway:
    """Assemble a scenario's gateway, configure it, start it, and let it settle; BadConfiguration when it cannot be.

    `watch` is handed the server before anything happens; `load` is what makes the device another one, where that is not
    the gateway's own.
    """
    world = World(now=scenario.start, seed=scenario.seed, factor=scenario.time_scale, entropy=entropy)
    network = _network(world, scenario)
    builder = Builder(registry)
    peers = [_peer(world, network, plan, builder) for plan in scenario.peers]
    device = _device(world, network, scenario, settings, peers)
    _restore(device, scenario, kept.certificates)
    clocks = Clocks(lambda: world.now, management, world.call_at)
    server = _server(registry, clocks, limits, device, Secrets(registry.secrets, seal), kept)
    _configure(server, scenario, kept)
    _attach(server, device, NoHistory() if kept.commits is None else kept.commits(server))
    _announce(server, kept.announced)
    timeline = Timeline(scenario, world, server)

    def again(scenario: Scenario, before: Gateway) -> Gateway:
        fresh, follow = Kept(files=kept.files, recovery_users=kept.recovery_users), before.server.hand_over
        return boot(scenario, registry, seal, management, limits, None, settings, fresh, follow, before.load)

    gateway = Gateway(world, device, network, server, again)
    server.faults = Faults(lambda stream: _chance(world, stream), frozenset({EMULATION.module}))
    server.attach(EMULATION.module, Emulated(device, network, server.faults, load or gateway.load))
    watch(server)
    behave(world, scenario.start, zip(scenario.peers, peers, strict=True))
    timeline.start()
    begin_traffic(device, scenario)
    device.start()
    world.advance(scenario.start + scenario.settle)
    return gateway


def _network(world: World, scenario: Scenario) -> Network:
    network = Network(world)
    for link in scenario.links:
        network.set_profile(link.source, link.destination, link.profile)
    return network


def _device(
    world: World, network: Network, scenario: Scenario, settings: IkeSettings | None, peers: Sequence[Peer]
) -> Device:
    try:
        return Device(world, network, scenario.device.bare, settings, peers)
    except ValueError as error:
        raise BadConfiguration(f"{scenario.device.name}: {error}") from error


def _server(
    registry: Registry, clocks: Clocks, limits: SessionLimits, device: Device, secrets: Secrets, kept: Kept
) -> Server:
    """Return a server that has no configuration yet."""

    def keep_startup(root: Branch) -> None:
        if kept.startup is not None:
            kept.startup.keep(server.transactions.serialize(root))

    def keep_rollback(root: Branch | None) -> None:
        if kept.rollback is not None:
            kept.rollback.keep(None if root is None else server.transactions.serialize(root))

    server = Server(
        registry,
        Stores(clocks.device, keep_startup, keep_rollback),
        clocks,
        limits,
        (Configuration(device),),
        secrets,
        files=kept.files,
        recovery_users=kept.recovery_users,
    )
    return server


def _chance(world: World, stream: str) -> float:
    """Draw a number of at least 0 and less than 1."""
    return int.from_bytes(world.entropy.draw(stream, CHANCE_OCTETS)) / 256**CHANCE_OCTETS


def _configure(server: Server, scenario: Scenario, kept: Kept) -> None:
    """Make what was kept, or else what the scenario says, the running configuration."""
    if _restored(kept.startup, server):
        server.stores.restore_startup(server.stores.running)
    else:
        commit(scenario.device.configuration, server.registry, server.transactions, server.seal)
    if kept.rollback is not None and _restored(kept.rollback, server):
        kept.rollback.keep(None)


def _announce(server: Server, announced: CapabilityKeeper | None) -> None:
    """Tell, in the log of notifications, in what the server announces something else than at its last start."""
    if announced is None:
        return
    if before := announced.load():
        tell_changes(server, before)
    announced.keep(server.capabilities)


def _restored(keeper: StartupKeeper | RollbackKeeper | None, server: Server) -> bool:
    """Make what was kept the running configuration; False, with nothing changed, where there is nothing of use."""
    kept = keeper.load() if keeper is not None else None
    if keeper is None or kept is None:
        return False
    try:
        commit((kept,), server.registry, server.transactions, server.seal)
    except BadConfiguration as error:
        keeper.set_aside(str(error))
        return False
    return True


def _restore(device: Device, scenario: Scenario, keeper: CertificateKeeper | None) -> None:
    """Fill the certificate database, and have what changes in it kept."""
    kept = keeper.load() if keeper is not None else None
    try:
        device.certificates.restore(kept or scenario.certificates)
    except ValueError as error:
        whose = f"those of the scenario {scenario.name!r}" if kept is None else "those kept; --reset forgets them"
        raise BadConfiguration(f"certificates: {error} ({whose})") from error
    if keeper is not None:

        def on_change(_: CertificateDatabaseChanged) -> None:
            keeper.keep(device.certificates.export())

        device.world.bus.subscribe(on_change, CertificateDatabaseChanged)


def _peer(world: World, network: Network, plan: GatewayPlan, builder: Builder) -> Peer:
    config = builder.build(plan.configuration, plan.bare)
    try:
        return Peer(world, network, config, initiates=plan.initiates)
    except ValueError as error:
        where = plan.configuration[0].name if plan.configuration else plan.name
        raise BadConfiguration(f"{where}: {error}") from error


def _attach(server: Server, device: Device, history: History) -> None:
    """Say what the bindings of each module take, and have the device's events published."""
    for table in (MONITORING, ACCESS_CONTROL, YANG_LIBRARY, STREAMS, SUBSCRIPTIONS):
        server.attach(table.module, server)
    for table in (IKE, IPSEC, REDUNDANCY, CERTIFICATES):
        server.attach(table.module, device)
    server.attach(IETF_INTERFACES, Interfaces(device, server.started_at))
    server.attach(JUNOS.name, make_router(device, server, history))
    device.certificates.on_limit_met = lambda refusal: server.exceeded(SETTING_OF[refusal])
    device.world.bus.subscribe(server.publish)
