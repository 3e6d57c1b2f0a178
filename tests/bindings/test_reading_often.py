"""What is read often is written by functions that are made then: what they write is what was written before."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.datastore.parts import WRITTEN_AFTER
from tests.support.chapter import Emulation

ALL = (
    "<get/>",
    '<get><filter><ipsec xmlns="urn:ipsec-agent:ipsec"/><ike xmlns="urn:ipsec-agent:ike"/></filter></get>',
    '<get><filter><ipsec xmlns="urn:ipsec-agent:ipsec"><security-association><sa><spi/><statistics/></sa>'
    "</security-association></ipsec></filter></get>",
    '<get><filter><certificates xmlns="urn:ipsec-agent:certificates"/></filter></get>',
    '<get><filter><interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"/></filter></get>',
)
COUNTS_READING = "}netconf-state"
"""Never the same, since it counts what is asked."""


@pytest.mark.parametrize("user", ["admin", "operator"])
@pytest.mark.parametrize("operation", ALL)
def test_what_is_read_often_is_the_same_each_time(operation: str, user: str) -> None:
    emulation = Emulation()
    emulation.advance(1)

    wire = emulation.connect(user)

    def read() -> list[bytes]:
        data = wire.rpc(operation).find("{*}data")
        assert data is not None
        return [etree.tostring(each) for each in data if not str(each.tag).endswith(COUNTS_READING)]

    first = read()
    assert first
    for _ in range(WRITTEN_AFTER + 1):
        again = read()
    assert again == first
