"""The entrance of those who want to be told of something: operations on subscriptions, and what is told after them."""

from __future__ import annotations

from agent.netconf.server import Client
from tests.fuzz.management import IKE, LARGEST, READ_AT_ONCE, XML_WORDS, Defects, rpcs
from tests.fuzz.target import Run, Target
from tests.support.chapter import Emulation
from tests.support.netconf_wire import HELLO, chunk

OWN = b"<id>1</id>"
"""Stands for the last subscription that the session has."""
SN = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
YP = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
DS = "urn:ietf:params:xml:ns:yang:ietf-datastores"


def _push(trigger: str, filter_: str = "") -> str:
    return (
        f'<establish-subscription xmlns="{SN}" xmlns:yp="{YP}" xmlns:i="{IKE}"><yp:datastore xmlns:ds="{DS}">'
        f"ds:operational</yp:datastore>{filter_}{trigger}</establish-subscription>"
    )


SUBSCRIPTIONS = rpcs(
    f'<establish-subscription xmlns="{SN}"><stream>NETCONF</stream><replay-start-time>2003-03-10T00:00:00Z'
    "</replay-start-time><stop-time>2003-03-11T00:00:00Z</stop-time></establish-subscription>",
    f'<establish-subscription xmlns="{SN}" xmlns:i="{IKE}"><stream>NETCONF</stream><stream-xpath-filter>'
    "/i:ike-sa-established[i:remote-address='4.4.4.4']</stream-xpath-filter></establish-subscription>",
    _push(
        "<yp:periodic><yp:period>100</yp:period><yp:anchor-time>2003-03-10T00:00:00Z</yp:anchor-time></yp:periodic>",
        "<yp:datastore-xpath-filter>/i:ike/i:security-associations</yp:datastore-xpath-filter>",
    ),
    _push(
        "<yp:on-change><yp:dampening-period>10</yp:dampening-period><yp:sync-on-start>true</yp:sync-on-start>"
        "<yp:excluded-change>delete</yp:excluded-change></yp:on-change>",
        '<yp:datastore-subtree-filter><ipsec xmlns="urn:ipsec-agent:ipsec"/></yp:datastore-subtree-filter>',
    ),
    f'<modify-subscription xmlns="{SN}"><id>1</id><stop-time>2003-03-12T00:00:00Z</stop-time></modify-subscription>',
    f'<delete-subscription xmlns="{SN}"><id>1</id></delete-subscription>',
    f'<kill-subscription xmlns="{SN}"><id>1</id></kill-subscription>',
    f'<resync-subscription xmlns="{YP}"><id>1</id></resync-subscription>',
    '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><stream>NETCONF</stream>'
    '<filter><ike-sa-established xmlns="urn:ipsec-agent:ike"/></filter></create-subscription>',
    '<partial-lock xmlns="urn:ietf:params:xml:ns:netconf:partial-lock:1.0"><select xmlns:i="urn:ipsec-agent:ike">'
    "/i:ike/i:policy</select></partial-lock>",
    f'<compare xmlns="urn:ietf:params:xml:ns:yang:ietf-nmda-compare" xmlns:ds="{DS}"><source>ds:running</source>'
    "<target>ds:operational</target><all/></compare>",
)
BEGINNING = SUBSCRIPTIONS[3]


def subscribed() -> Run:
    """A session with a subscription asks for something, and then something happens; time goes on."""
    emulation = Emulation()
    server = emulation.gateway.server
    other = emulation.connect()

    def run(data: bytes) -> None:
        session = server.open_session(Client("admin", "192.0.2.1", "netconf-ssh"), lambda: None)
        sent = 0

        def tell(message: bytes) -> None:
            nonlocal sent
            session.receive(chunk(message))
            read()

        def read() -> None:
            nonlocal sent
            while sent < LARGEST and (piece := session.transmit(READ_AT_ONCE)):
                sent += len(piece)

        with Defects.heard() as defects:
            session.receive(HELLO.encode())
            tell(BEGINNING)
            own = max(server.publisher.subscriptions)
            tell(data.replace(OWN, b"<id>%d</id>" % own) or b"-")
            other.rpc('<clear-ipsec-security-associations xmlns="urn:ipsec-agent:ipsec"/>')
            emulation.advance(10)
            emulation.management_now += 10
            server.advance(emulation.management_now)
            read()
            session.lost()
        assert not defects.found, defects.found.pop()
        assert sent < LARGEST, "told without end"
        assert server.publisher.subscriptions == {}, "a subscription ends with its session"

    return run


TARGETS = (Target("subscriptions", subscribed, SUBSCRIPTIONS, (*XML_WORDS, OWN), inputs_for_one=60),)
