"""Engines in pairs over a network, with everything that passes between them written down."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from itertools import count

from agent.core.config import (
    AuthenticationMethod,
    DhGroup,
    EncryptionAlgorithm,
    ExchangeMode,
    HashAlgorithm,
    IkePolicy,
    IkeProposal,
    IkeSettings,
    IpsecAuthentication,
    IpsecPolicy,
    IpsecProposal,
    IpsecProtocol,
    SaMode,
    TrafficIdentity,
)
from agent.core.events import DeletionReason, DropReason, FailureReason, IkeSaChanged, InterfacesChanged
from agent.core.identifiers import Address, Endpoint, Spi
from agent.core.ike.agreement import Agreement, Request, Terms
from agent.core.ike.engine import IkeEngine
from agent.core.ike.message import Header
from agent.core.ike.numbers import ExchangeType, ProtocolId
from agent.core.ike.phase2_negotiation import Phase2Negotiation
from agent.core.ike.sa import IkeSa
from agent.core.link import LinkProfile, Network
from agent.core.world import SECOND, Bus, Event, World

UNTOLD = (IkeSaChanged, InterfacesChanged)
"""Events that only say that something may look otherwise now: no part of a story."""
ALICE = ip_address("192.0.2.1")
BOB = ip_address("198.51.100.2")

PROPOSAL = IkeProposal(
    name="3des-md5",
    authentication_method=AuthenticationMethod.PRE_SHARED_KEYS,
    authentication_algorithm=HashAlgorithm.MD5,
    encryption_algorithm=EncryptionAlgorithm.TRIPLE_DES_CBC,
    dh_group=DhGroup.GROUP1,
    lifetime_seconds=3600,
)
OTHER_PROPOSAL = replace(PROPOSAL, name="des-sha1", authentication_algorithm=HashAlgorithm.SHA1)


def policy(peer: Address, **changes: object) -> IkePolicy:
    """Return a policy for a peer that agrees with every other one made here, but for the changes."""
    return replace(IkePolicy(peer, ExchangeMode.MAIN, (PROPOSAL,), b"a secret"), **changes)  # type: ignore[arg-type]


ESP = IpsecProposal(
    name="esp-3des-md5",
    protocol=IpsecProtocol.ESP,
    authentication_algorithm=IpsecAuthentication.HMAC_MD5_96,
    encryption_algorithm=EncryptionAlgorithm.TRIPLE_DES_CBC,
    lifetime_seconds=3600,
)
AH = replace(ESP, name="ah-md5", protocol=IpsecProtocol.AH, encryption_algorithm=None)
BUNDLE = replace(ESP, name="bundle", protocol=IpsecProtocol.BUNDLE)

ALICES_NET = TrafficIdentity(ip_network("10.1.0.0/16"))
BOBS_NET = TrafficIdentity(ip_network("10.2.0.0/16"))


def terms(
    local: TrafficIdentity,
    remote: TrafficIdentity,
    *proposals: IpsecProposal,
    group: DhGroup | None = None,
    mode: SaMode = SaMode.TUNNEL,
    first_spi: int = 1000,
) -> Terms:
    """Return terms for some traffic, by default on one proposal, with SPIs that go up from the first."""
    spis = count(first_spi)
    policy = IpsecPolicy("policy", proposals or (ESP,), group)
    return Terms("sa", policy, mode, local, remote, lambda: Spi(next(spis)))


@dataclass
class Policies:
    """A policy manager that decides by a table, and writes down what it is told."""

    by_address: dict[Address, IkePolicy] = field(default_factory=dict)
    is_pending: bool = False
    waiting: list[Callable[[], None]] = field(default_factory=list)
    established: list[IkeSa] = field(default_factory=list)
    shortened: list[IkeSa] = field(default_factory=list)
    failed: list[tuple[IkeSa, FailureReason]] = field(default_factory=list)
    deleted: list[tuple[IkeSa, DeletionReason]] = field(default_factory=list)
    terms: list[Terms] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    agreed: list[Agreement] = field(default_factory=list)
    failed_phase2: list[tuple[Phase2Negotiation, FailureReason]] = field(default_factory=list)
    over: list[Phase2Negotiation] = field(default_factory=list)
    peer_deleted: list[tuple[ProtocolId, Spi]] = field(default_factory=list)
    has_pairs: bool = False

    def decide(self, remote: Endpoint, answer: Callable[[IkePolicy | None], None]) -> None:
        """Answer at once, or leave the answer waiting."""
        found = self.by_address.get(remote.address)
        if self.is_pending:
            self.waiting.append(lambda: answer(found))
        else:
            answer(found)

    def on_established(self, sa: IkeSa) -> None:
        """Write it down."""
        self.established.append(sa)

    def on_lifetime_shortened(self, sa: IkeSa) -> None:
        """Write it down."""
        self.shortened.append(sa)

    def on_failed(self, sa: IkeSa, reason: FailureReason) -> None:
        """Write it down."""
        self.failed.append((sa, reason))

    def on_deleted(self, sa: IkeSa, reason: DeletionReason) -> None:
        """Write it down."""
        self.deleted.append((sa, reason))

    def has_pairs_with(self, peer: Address) -> bool:
        """Say whether there are pairs."""
        return self.has_pairs

    def decide_phase2(self, sa: IkeSa, request: Request, answer: Callable[[Terms | None], None]) -> None:
        """Answer on the first terms for the traffic, at once or, like phase 1, later."""
        self.requests.append(request)
        wanted = request.local_identity, request.remote_identity
        found = next((each for each in self.terms if (each.local_identity, each.remote_identity) == wanted), None)
        if self.is_pending:
            self.waiting.append(lambda: answer(found))
        else:
            answer(found)

    def on_phase2_established(self, sa: IkeSa, negotiation: Phase2Negotiation, agreement: Agreement) -> None:
        """Write it down."""
        self.agreed.append(agreement)

    def on_phase2_failed(self, sa: IkeSa, negotiation: Phase2Negotiation, reason: FailureReason) -> None:
        """Write it down."""
        self.failed_phase2.append((negotiation, reason))

    def on_phase2_over(self, sa: IkeSa, negotiation: Phase2Negotiation) -> None:
        """Write it down."""
        self.over.append(negotiation)

    def on_ipsec_deleted(self, sa: IkeSa, protocol: ProtocolId, spi: Spi) -> None:
        """Write it down."""
        self.peer_deleted.append((protocol, spi))


@dataclass(frozen=True)
class Datagram:
    """A datagram on the wire."""

    source: Endpoint
    destination: Endpoint
    payload: bytes

    @property
    def header(self) -> Header:
        """The ISAKMP header."""
        return Header.decode(self.payload)

    @property
    def label(self) -> str:
        """The exchange, with a star when it is encrypted."""
        header = self.header
        return ExchangeType(header.exchange_type).name.lower() + ("*" if header.is_encrypted else "")


class Gateway:
    """An engine at an address of a network."""

    def __init__(self, world: World, network: Network, address: Address, settings: IkeSettings) -> None:
        self.address = address
        self.network = network
        self.policies = Policies()
        self.bus = Bus()
        self.events: list[Event] = []
        self.sent: list[Datagram] = []
        self.bus.subscribe(self._on_event)
        self.engine = IkeEngine(
            world=world, name=str(address), settings=settings, policies=self.policies, send=self._send, bus=self.bus
        )
        network.attach(address, self.engine.receive)

    def _on_event(self, event: Event) -> None:
        if not isinstance(event, UNTOLD):
            self.events.append(event)

    def _send(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        self.sent.append(Datagram(source, destination, payload))
        self.network.send(source, destination, payload)

    @property
    def sas(self) -> list[IkeSa]:
        """Every IKE SA, in order."""
        return list(self.engine.sas.values())

    @property
    def matured(self) -> list[IkeSa]:
        """The established IKE SAs, in order."""
        return [sa for sa in self.sas if sa.is_matured]

    @property
    def drops(self) -> dict[DropReason, int]:
        """The reasons for which something was dropped."""
        return {reason: count for reason, count in self.engine.statistics.dropped.items() if count}

    @property
    def trace(self) -> list[str]:
        """The labels of what was sent."""
        return [each.label for each in self.sent]

    def initiate(self, peer: Address) -> IkeSa:
        """Begin to negotiate by the policy for a peer."""
        return self.engine.initiate(Endpoint(self.address, 500), self.policies.by_address[peer])


class Pair:
    """Alice and Bob, who agree with each other, in one World."""

    def __init__(self, *, seed: int = 7, alice: IkeSettings | None = None, bob: IkeSettings | None = None) -> None:
        self.world = World(now=0, seed=seed)
        self.network = Network(self.world)
        self.alice = Gateway(self.world, self.network, ALICE, alice or IkeSettings())
        self.bob = Gateway(self.world, self.network, BOB, bob or IkeSettings())
        self.alice.policies.by_address[BOB] = policy(BOB)
        self.bob.policies.by_address[ALICE] = policy(ALICE)

    def initiate(self) -> IkeSa:
        """Let Alice begin, without letting any time pass."""
        return self.alice.initiate(BOB)

    def establish(self) -> tuple[IkeSa, IkeSa]:
        """Let Alice begin and the exchange come to its end; return her IKE SA and his."""
        sa = self.initiate()
        self.run(seconds=1)
        assert sa.is_matured
        return sa, self.bob.matured[-1]

    def set_terms(self, *proposals: IpsecProposal, group: DhGroup | None = None, mode: SaMode = SaMode.TUNNEL) -> None:
        """Let both ends protect the traffic between their networks on the same terms."""
        alices = terms(ALICES_NET, BOBS_NET, *proposals, group=group, mode=mode, first_spi=1000)
        bobs = terms(BOBS_NET, ALICES_NET, *proposals, group=group, mode=mode, first_spi=2000)
        self.alice.policies.terms, self.bob.policies.terms = [alices], [bobs]

    def negotiate(self, sa: IkeSa) -> Phase2Negotiation:
        """Let Alice begin phase 2 on her first terms, without letting any time pass."""
        return sa.negotiate(self.alice.policies.terms[0])

    def run(self, *, seconds: float) -> None:
        """Let time pass."""
        self.world.advance(self.world.now + int(seconds * SECOND))

    def set_link(self, profile: LinkProfile) -> None:
        """Set how both directions fare from now on."""
        self.network.set_profile(ALICE, BOB, profile)
        self.network.set_profile(BOB, ALICE, profile)


def relay(number: int, sender: Gateway, receiver: Gateway) -> bytes:
    """Hand over one of the sender's datagrams (0 is the first) to the receiver at once, past the network; return it."""
    datagram = sender.sent[number]
    receiver.engine.receive(datagram.source, datagram.destination, datagram.payload)
    return datagram.payload
