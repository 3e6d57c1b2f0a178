"""Entrances of the gateway: datagrams of IKE, packets of ESP and AH and plain ones, certificates, revocation lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from itertools import cycle

from agent.core.config import EncryptionAlgorithm, IpsecAuthentication
from agent.core.identifiers import Endpoint
from agent.core.ike.engine import IkeEngine
from agent.core.ip import icmp
from agent.core.ip.fragmentation import fragment
from agent.core.ipsec.path import UdpPorts
from agent.core.ipsec.refusal import Drop
from agent.core.ipsec.sa import SaProtocol
from agent.core.pki import DatabaseState, Refused
from tests.fuzz.target import Run, Target
from tests.support.certificates import VECTORS, Store
from tests.support.gateways import ALICE, BOB, Pair
from tests.support.protection import INTERFACE, Transform, one_way, packet

PORTS = (500, 4500)
ONLY_ENCRYPTED = Transform(SaProtocol.ESP, authentication=None)
"""What is changed on the way is decrypted all the same, and what comes of it is taken apart."""
ONLY_AUTHENTIC = Transform(SaProtocol.AH, IpsecAuthentication.HMAC_MD5_96, None)
WITHIN_UDP = UdpPorts(4500, 4500)
QUICK = Transform(SaProtocol.ESP, IpsecAuthentication.HMAC_SHA1_96, EncryptionAlgorithm.DES_CBC)


def negotiated(pair: Pair) -> Pair:
    """Let a pair establish an IKE SA, negotiate IPsec SAs under it, delete one and say goodbye."""
    pair.set_terms()
    sa, _ = pair.establish()
    pair.negotiate(sa)
    pair.run(seconds=1)
    return pair


def conversation() -> list[bytes]:
    """Every datagram of a negotiation, which is the same each time: mutants get far."""
    pair = negotiated(Pair())
    return [each.payload for each in (*pair.alice.sent, *pair.bob.sent)]


def isakmp() -> Run:
    """Engines before, amid and after their negotiations; time goes on as it does."""
    begun, done = Pair(), negotiated(Pair())
    begun.initiate()
    ends: list[tuple[Pair, IkeEngine, Endpoint, Endpoint]] = [
        (pair, gateway.engine, Endpoint(source, port), Endpoint(gateway.address, port))
        for pair in (begun, done)
        for gateway, source in ((pair.alice, BOB), (pair.bob, ALICE))
        for port in PORTS
    ]
    turns = cycle(ends)

    def run(data: bytes) -> None:
        pair, engine, source, destination = next(turns)
        before = dict(engine.statistics.dropped)
        engine.receive(source, destination, data)
        pair.run(seconds=0.05)
        assert all(engine.statistics.dropped[reason] >= count for reason, count in before.items())
        assert engine.statistics.half_open <= 1000

    return run


def packets(transform: Transform) -> Callable[[], Run]:
    """A gateway that gets packets of one way of protection from the wire."""

    def open_() -> Run:
        way = one_way(transform)

        def run(data: bytes) -> None:
            found = way.receive(data)
            assert found is None or isinstance(found, (bytes, Drop))

        return run

    return open_


def series() -> Run:
    """Both ends of an SA within UDP, which get packets one after the other: pieces of larger ones, errors of routers.

    Before each packet stands its length, in two octets.
    """
    way = one_way(ONLY_ENCRYPTED, ports=WITHIN_UDP)
    way.send(packet(1400))

    def run(data: bytes) -> None:
        for each in taken_apart(data):
            for side in (way.receiver, way.sender):
                found = side.processor.inbound(each, 0, way.interface)
                assert found is None or isinstance(found, (bytes, Drop))

    return run


def in_series(*each: bytes) -> bytes:
    """Return packets as one input."""
    return b"".join(len(one).to_bytes(2) + one for one in each)


def taken_apart(data: bytes) -> Iterator[bytes]:
    """Return the packets of an input; the last one may be cut."""
    while len(data) > 2:
        length = int.from_bytes(data[:2])
        yield data[2 : 2 + length]
        data = data[2 + length :]


def _series() -> list[bytes]:
    """Return a packet within UDP, whole and in pieces, and what routers say of one that they had no room for."""
    way = one_way(ONLY_ENCRYPTED, ports=WITHIN_UDP)
    whole, large = way.send_one(packet(60)), way.send_one(packet(1400))
    error = icmp.too_big(large, 1300, ip_address("192.0.2.99"))
    assert error is not None
    six = one_way(ONLY_ENCRYPTED, outer=6).send_one(packet(1400))
    pieces = [fragment(large, 576), fragment(six, 1280, 7)]
    return [in_series(whole), in_series(error, whole), *(in_series(*each) for each in pieces)]


def wire(transform: Transform) -> list[bytes]:
    """Return packets as they are on the wire, with IPv4 and IPv6 outside."""
    return [
        one_way(transform, inner=inner, outer=outer).send_one(packet(size, version=inner))
        for size in (60, 101)
        for inner, outer in ((4, 4), (6, 4), (4, 6))
    ]


def plain() -> Run:
    """A gateway that is to protect packets."""
    way = one_way(QUICK)

    def run(data: bytes) -> None:
        sent = way.sender.processor.outbound(data, INTERFACE)
        assert isinstance(sent, (tuple, Drop))

    return run


def certificates() -> Run:
    """The database, which trusts a root: whatever is taken in can be shown and kept."""
    store = Store()
    store.trust("root")

    def run(data: bytes) -> None:
        for take in (store.database.import_certificate, store.database.import_crl):
            try:
                take(data)
            except Refused:
                continue
        entries = [*store.database.certificates(), *store.database.crls()]
        assert all(repr(entry) for entry in entries)
        assert DatabaseState.decode(store.database.export().encode()) == store.database.export()

    return run


def kept_certificates() -> Run:
    """What a state directory has of a database."""

    def run(data: bytes) -> None:
        try:
            state = DatabaseState.decode(data)
        except ValueError:
            return
        try:
            Store().database.restore(state)
        except (Refused, ValueError):
            return

    return run


def _kept() -> list[bytes]:
    store = Store()
    store.trust("root")
    return [store.database.export().encode()]


PEM = [path.read_bytes() for path in sorted(VECTORS.glob("*.pem"))]
PEM_WORDS = (b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n", b"-----BEGIN X509 CRL-----\n", b"MIIB")
TARGETS = (
    Target("isakmp", isakmp, conversation(), inputs_for_one=60),
    Target("esp", packets(ONLY_ENCRYPTED), wire(ONLY_ENCRYPTED)),
    Target("ah", packets(ONLY_AUTHENTIC), wire(ONLY_AUTHENTIC)),
    Target("packets-in-series", series, _series()),
    Target("plain-packet", plain, [packet(60), packet(1500), packet(60, version=6)]),
    Target("certificate", certificates, PEM, PEM_WORDS),
    Target("kept-certificates", kept_certificates, _kept()),
)
"""What comes over the network that is emulated, or out of files that are about it."""
