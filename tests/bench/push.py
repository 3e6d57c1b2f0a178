"""YANG push: what it costs to tell a hundred subscribers of every change while a thousand associations are rekeyed.

Device and server run in one process, without SSH: the same day is lived through with and without subscribers, and the
difference is what telling takes. Under a second, and nobody is told late of a thousand rekeys a second.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from agent.app.gateway import boot, load_registry
from agent.app.running import Gateway
from agent.app.scenario import load_scenario
from agent.core.crypto.seal import KEY_OCTETS, Seal
from agent.core.events import IpsecSaRekeyed
from agent.core.world import SECOND, Event
from agent.netconf.server import Client
from agent.netconf.session import NetconfSession
from tests.bench.netconf_client import HELLO, request
from tests.bench.rows import Row

SUBSCRIBERS = 100
REKEYS = 1_000
TUNNELS = 250
SCENARIO = "ten-thousand-tunnels"
STEP = 10 * SECOND
PIECE = 65_536
SUBSCRIBE = (
    b'<establish-subscription xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications" '
    b'xmlns:yp="urn:ietf:params:xml:ns:yang:ietf-yang-push" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">'
    b"<yp:datastore>ds:operational</yp:datastore><yp:datastore-subtree-filter>"
    b'<ipsec xmlns="urn:ipsec-agent:ipsec"><security-association><name/><rekeys/></security-association></ipsec>'
    b"</yp:datastore-subtree-filter><yp:on-change/></establish-subscription>"
)


def push() -> Iterator[Row]:
    """The row."""
    silent, _ = _live_through(0)
    told, octets = _live_through(SUBSCRIBERS)
    if not octets:
        raise RuntimeError("nobody was told of anything")
    case = f"{REKEYS} rekeys told to {SUBSCRIBERS} subscribers on change, {octets / 1e6:.0f} MB"
    yield Row("push", case, "s", max(0.0, told - silent), target=1.0)


def _live_through(subscribers: int) -> tuple[float, int]:
    """Return the seconds that it takes until so many are rekeyed, and how many bytes the subscribers are sent."""
    gateway = boot(load_scenario(SCENARIO, alike=TUNNELS), load_registry(), Seal(bytes(KEY_OCTETS)), lambda: 0.0)
    woken: dict[NetconfSession, None] = {}
    for _ in range(subscribers):
        _subscribe(gateway, woken)
    rekeyed = 0

    def on_event(event: Event) -> None:
        nonlocal rekeyed
        rekeyed += isinstance(event, IpsecSaRekeyed)

    gateway.world.bus.subscribe(on_event)
    octets, began = 0, time.process_time()
    while rekeyed < REKEYS:
        gateway.world.advance(gateway.world.now + STEP)
        ready = list(woken)
        woken.clear()
        octets += sum(map(_drained, ready))
    return time.process_time() - began, octets


def _subscribe(gateway: Gateway, woken: dict[NetconfSession, None]) -> None:
    """Open a session with a subscription, which says in `woken` when it has something to send."""
    client = Client("admin", "127.0.0.1", "netconf-ssh")
    session = gateway.server.open_session(client, lambda: woken.setdefault(session))
    _drained(session)
    session.receive(HELLO + request(1, SUBSCRIBE))
    if not _drained(session):
        raise RuntimeError("no subscription")


def _drained(session: NetconfSession) -> int:
    octets = 0
    while data := session.transmit(PIECE):
        octets += len(data)
        if b"rpc-error" in data:
            raise RuntimeError(f"refused: {data[:1000]!r}")
    return octets
