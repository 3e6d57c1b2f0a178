"""What a subscriber sees of a rekey: the soft expiry, the successor, the end of the old pair, and never a gap."""

from __future__ import annotations

from lxml import etree

from tests.support.chapter import Emulation
from tests.support.netconf_wire import Wire, texts

SUBSCRIBE = '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>'
SAS = (
    '<ipsec xmlns="urn:ipsec-agent:ipsec"><security-association><name>sa-dynamic</name>'
    "<sa><direction/><spi/><state/></sa></security-association></ipsec>"
)
HOURS = 3600


def told(wire: Wire) -> list[etree._Element]:
    """Return the content of every notification that waits."""
    found = []
    while (message := wire.receive()) is not None:
        found.append(message[1])
    return found


def names(notifications: list[etree._Element]) -> list[str]:
    """Return what notifications of sa-dynamic are called, with the lifetime where there is one."""
    listed = []
    for content in notifications:
        name = etree.QName(content).localname
        lifetime = content.findtext("{urn:ipsec-agent:ipsec}lifetime")
        if name.startswith("ipsec-"):
            listed.append(f"{name}({lifetime})" if lifetime else name)
    return listed


def test_a_subscriber_sees_a_soft_expiry_the_successor_and_the_end_of_the_old_pair() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    wire.rpc(SUBSCRIBE)
    emulation.advance(6.5 * HOURS)
    told_of = names(told(wire))
    assert told_of == ["ipsec-sa-expired(soft)", "ipsec-sa-installed", "ipsec-sa-rekeyed", "ipsec-sa-deleted"]


def test_there_is_an_installed_pair_at_every_moment_of_a_day() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    for _ in range(24 * 12):
        emulation.advance(300)
        data = wire.get(SAS)
        installed = zip(
            texts(data, ".//{urn:ipsec-agent:ipsec}sa/{urn:ipsec-agent:ipsec}direction"),
            texts(data, ".//{urn:ipsec-agent:ipsec}sa/{urn:ipsec-agent:ipsec}state"),
            strict=True,
        )
        assert {"inbound", "outbound"} == {direction for direction, state in installed if state == "installed"}


def test_the_spis_are_new_after_a_rekey_and_the_event_times_are_the_devices() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    before = set(texts(wire.get(SAS), ".//{urn:ipsec-agent:ipsec}spi"))
    wire.rpc(SUBSCRIBE)
    emulation.advance(6.5 * HOURS)
    messages = []
    while (message := wire.receive()) is not None:
        messages.append(message[0].text or "")
    after = set(texts(wire.get(SAS), ".//{urn:ipsec-agent:ipsec}spi"))
    assert before
    assert after
    assert not before & after
    assert all(when.startswith("2003-03-10T1") for when in messages)
