"""An unmodified ncclient that takes the running program for a Junos router."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree
from ncclient import manager
from ncclient.operations import RPCError
from ncclient.xml_ import new_ele, to_ele

from tests.support.served import Served
from tests.support.seven_commands import SEVEN_COMMANDS, check_seven

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def connect(server: Served, user: str = "admin") -> Any:
    """Open a session as a script for Junos would."""
    return manager.connect(
        host=server.host,
        port=server.port,
        username=user,
        password=user,
        hostkey_verify=False,
        look_for_keys=False,
        allow_agent=False,
        device_params={"name": "junos"},
    )


@pytest.fixture
def router(chapter: Served) -> Iterator[Any]:
    """A session of an administrator."""
    with connect(chapter) as session:
        yield session


def text(router: Any, command: str) -> str:
    """Return what a command prints."""
    (output,) = router.command(command, format="text").xpath("//output")
    return output.text or ""


def cookies(router: Any) -> set[str]:
    """Return the initiators' cookies of all IKE SAs."""
    reply = router.rpc("<get-ike-security-associations-information/>")
    return {leaf.text for leaf in reply.xpath("//ike-sa-initiator-cookie")}


def spis(router: Any) -> set[str]:
    """Return the SPIs of the dynamic security association."""
    operation = new_ele("get-security-associations-information")
    etree.SubElement(operation, "sa-name").text = "sa-dynamic"
    return {leaf.text for leaf in router.rpc(etree.tostring(operation).decode()).xpath("//sa-spi")}


SHOWN = {
    "show ike security-associations": "4.4.4.4",
    "show ike security-associations detail": "Pseudo random function: hmac-md5",
    "show ipsec certificates": "22314868    C=us, O=x",
    "show ipsec certificates detail": "Validity period ends: 2003 Mar 31st, 01:50:42 GMT",
    "show ipsec redundancy interface": "Backup interface : es-1/1/0, State: Standby",
    "show ipsec redundancy security-associations": "Backup remote IP : 3.3.3.3, State: Standby",
    "show ipsec security-associations": "inbound  2908734119  0          tunnel    manual    AH",
    "show ipsec security-associations detail": "Anti-replay service: Disabled",
}


@pytest.mark.parametrize(("command", "line"), SHOWN.items())
def test_a_command_shows_its_text(router: Any, command: str, line: str) -> None:
    assert line in text(router, command)


def test_clearing_ike_gives_other_cookies(router: Any) -> None:
    before = cookies(router)
    assert text(router, "clear ike security-associations 4.4.4.4").strip() == ""
    assert before
    assert not before & cookies(router)


def test_clearing_ipsec_gives_other_spis(router: Any) -> None:
    before = spis(router)
    router.rpc("<clear-ipsec-security-associations><sa-name>sa-dynamic</sa-name></clear-ipsec-security-associations>")
    assert not before & spis(router)


def test_a_switch_is_counted(router: Any) -> None:
    def counter() -> int:
        reply = router.rpc("<get-ipsec-pic-redundancy-information/>")
        return int(reply.xpath("//ipsec-redundancy-counter")[0].text)

    before = counter()
    text(router, "request ipsec switch interface es-1/3/0")
    router.dispatch(to_ele("<request-ipsec-switch-interface/>"))
    assert counter() == before + 2


def test_the_built_in_operations_find_the_router(router: Any) -> None:
    assert "xml.juniper.net/netconf/junos/1.0" in "".join(router.server_capabilities)
    assert router.dispatch("get-software-information").xpath("//host-name")[0].text == "host"
    configuration = router.get_configuration(format="xml")
    assert configuration.xpath("//configuration")


def test_what_is_not_there_and_what_is_unknown_is_an_error(router: Any) -> None:
    for command, message in (
        ("show ike security-associations 9.9.9.9", "no IKE policy"),
        ("show nonsense", "syntax error"),
    ):
        with pytest.raises(RPCError, match=message):
            router.command(command, format="text")
    with pytest.raises(RPCError, match="no operation"):
        router.rpc("<get-virtual-chassis-information/>")


def test_a_guest_is_denied(chapter: Served) -> None:
    with connect(chapter, "guest") as session:
        for command in (*SHOWN, "clear ike security-associations", "request ipsec switch interface"):
            with pytest.raises(RPCError) as refused:
                session.command(command, format="text")
            assert (refused.value.tag, refused.value.message) == ("access-denied", "permission denied")


def test_the_seven_commands_do_what_they_say(router: Any) -> None:
    check_seven([text(router, command) for command in SEVEN_COMMANDS])
