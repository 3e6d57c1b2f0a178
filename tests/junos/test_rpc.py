"""The RPCs of Junos in a session of NETCONF: every name, every format, and what is refused."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.core.events import RedundancyState
from agent.core.pic import PicCommand
from agent.junos.command import Command, Local
from agent.junos.grammar import COMMANDS
from tests.support.chapter import Emulation
from tests.support.junos import BASE, NAMESPACE, answer, in_namespace, objects, output, plain
from tests.support.netconf_wire import error

NAMED = [command for command in COMMANDS if command.rpc is not None]
SHOWN = [command for command in NAMED if (command.rpc or "").startswith("get-")]
VENDOR = "http://yang.juniper.net/junos/rpc/ike"


@pytest.fixture(scope="module")
def still() -> Emulation:
    """A router that only is looked at."""
    return Emulation()


def refused(emulation: Emulation, operation: str, user: str = "admin") -> dict[str, str]:
    return error(emulation.connect(user).rpc(operation))


@pytest.mark.parametrize("namespace", [None, BASE, VENDOR, "http://xml.juniper.net/junos/7.4R1/junos"])
@pytest.mark.parametrize("name", [name for command in SHOWN for name in (command.rpc, *command.aliases)])
def test_an_rpc_is_known_by_its_name_in_every_namespace_that_means_the_router(
    still: Emulation, name: str, namespace: str | None
) -> None:
    reply = answer(still.connect(), in_namespace(name, namespace))
    assert reply.tag.endswith("-information") or name in ("get-chassis-inventory",)


def test_the_namespace_of_a_module_means_the_module(still: Emulation) -> None:
    name = "get-ike-security-associations-information"
    assert refused(still, in_namespace(name, "urn:ipsec-agent:ike"))["error-tag"] == "unknown-element"
    reply = Emulation().connect().rpc('<clear-ike-security-associations xmlns="urn:ipsec-agent:ike"/>')
    assert reply.find("{urn:ipsec-agent:ike}cleared") is not None


def test_another_namespace_is_unknown(still: Emulation) -> None:
    found = refused(still, in_namespace("get-software-information", "urn:nobody"))
    assert found["error-tag"] == "unknown-namespace"


@pytest.mark.parametrize("namespace", [None, BASE, VENDOR])
def test_an_unknown_rpc_is_refused_and_never_answered_with_nothing(still: Emulation, namespace: str | None) -> None:
    found = refused(still, in_namespace("get-virtual-chassis-information", namespace))
    assert found["error-tag"] == "unknown-element"
    assert "get-virtual-chassis-information" in found["error-message"]


def test_the_hello_announces_the_router() -> None:
    capabilities = Emulation().gateway.server.capabilities
    assert "http://xml.juniper.net/netconf/junos/1.0" in capabilities
    assert "http://xml.juniper.net/dmi/system/1.0" in capabilities


# What is shown


def test_ike_security_associations_in_brief(still: Emulation) -> None:
    reply = still.connect().rpc('<get-ike-security-associations-information xmlns=""/>')[0]
    assert reply.tag == f"{{{NAMESPACE}-ike}}ike-security-associations-information"
    assert reply.get(f"{{{NAMESPACE}}}style") == "brief"
    (sa,) = plain(reply)
    names = ("remote-address", "state", "initiator-cookie", "responder-cookie", "exchange-type")
    assert [leaf.tag for leaf in sa] == [f"ike-sa-{name}" for name in names]
    assert (sa.findtext("ike-sa-remote-address"), sa.findtext("ike-sa-state")) == ("4.4.4.4", "matured")


def test_ike_security_associations_in_detail(still: Emulation) -> None:
    reply = answer(
        still.connect(),
        "<get-ike-security-associations-information><detail/></get-ike-security-associations-information>",
    )
    (block,) = reply.findall("ike-security-associations-block")
    assert block.findtext("ike-sa-remote-address") == "4.4.4.4"
    (sa,) = block.findall("ike-security-associations")
    assert sa.findtext("ike-sa-lifetime") == "Expires in 3595 seconds"
    assert sa.findtext("ike-sa-algorithms/ike-sa-prf-algorithm") == "hmac-md5"
    assert sa.findtext("ike-sa-misc/ike-sa-num-ipsec-sas-created") == "2"
    (negotiation,) = sa.findall("ike-sa-phase2-information")
    assert negotiation.findtext("ike-sa-local-id") == "ipv4_subnet(tcp:80,[0..7]=10.1.1.0/24)"


def test_security_associations_in_brief_and_in_detail(still: Emulation) -> None:
    wire = still.connect()
    brief = answer(wire, "<get-security-associations-information/>")
    assert [block.findtext("sa-name") for block in brief] == ["sa-dynamic", "sa-manual"]
    assert brief.find(".//sa-state") is None
    detail = answer(
        wire,
        "<get-security-associations-information><sa-name>sa-manual</sa-name><detail/></get-security-associations-information>",
    )
    (block,) = detail
    assert block.findtext("sa-block-state") == "Up"
    assert [sa.findtext("sa-spi") for sa in block.findall("security-associations")] == ["2908734119", "3494029335"]
    assert block.findtext(".//sa-type") == "manual"
    assert block.find(".//sa-soft-lifetime") is None


def test_spis_are_shown_in_hexadecimal_when_that_is_asked_for(still: Emulation) -> None:
    wire = still.connect()
    name = "get-security-associations-information"
    for level in ("", "<detail/>"):
        (block,) = answer(wire, f"<{name}><hex/><sa-name>sa-manual</sa-name>{level}</{name}>")
        assert [sa.findtext("sa-spi") for sa in block.iter("security-associations")] == ["0xad5fc2a7", "0xd042a817"]
        assert {leaf.text for leaf in block.iter("sa-aux-spi")} == {"0x00000000"}
    assert "inbound  0xad5fc2a7  0x00000000 tunnel    manual    AH" in output(
        wire, "show ipsec security-associations sa-manual hex"
    )
    detail = output(wire, "show ipsec security-associations hex detail sa-manual")
    assert "Direction: outbound, SPI: 0xd042a817, AUX-SPI: 0x00000000, State: Installed" in detail
    assert "2908734119" not in "".join(detail)


def test_redundancy_of_a_pair_is_shown_by_either_of_its_interfaces(still: Emulation) -> None:
    wire = still.connect()
    for name in ("es-1/3/0", "es-1/1/0"):
        rpc = "get-ipsec-pic-redundancy-information"
        (pair,) = answer(wire, f"<{rpc}><interface-name>{name}</interface-name></{rpc}>")
        assert pair.findtext("ipsec-pic-redundancy-primary-interface") == "es-1/3/0"


def test_a_security_association_without_a_backup_has_no_information(still: Emulation) -> None:
    operation = (
        "<get-ipsec-tunnel-redundancy-information><security-association-name>sa-manual</security-association-name>"
        "</get-ipsec-tunnel-redundancy-information>"
    )
    reply = answer(still.connect(), operation)
    assert reply.find(".//ipsec-redundancy-tunnel-no-information") is not None
    assert reply.find(".//sa-name") is None


def test_certificates_have_their_totals_and_their_entries(still: Emulation) -> None:
    reply = answer(still.connect(), "<get-certificates-information><detail/></get-certificates-information>")
    assert reply.findtext("cert-database/cert-total-entries") == "3"
    assert [each.findtext("cert-id") for each in reply.findall("certificate")] == ["5", "4", "1"]
    assert reply.findtext("certificate/cert-alternative-names/cert-ip-address") == "10.20.210.1"


def test_text_xml_and_json_show_the_same_spis(still: Emulation) -> None:
    wire = still.connect()
    xml = answer(wire, "<command>show ipsec security-associations</command>")
    spis = [leaf.text for leaf in xml.iter("sa-spi")]
    text = "\n".join(output(wire, "show ipsec security-associations"))
    (root,) = objects(wire, '<command format="json">show ipsec security-associations</command>')[
        "security-associations-information"
    ]
    found = [
        sa["sa-spi"][0]["data"]
        for block in root["security-associations-block"]
        for sa in block["security-associations"]
    ]
    assert len(spis) == 4
    assert found == spis
    assert all(f" {spi} " in text for spi in spis)


@pytest.mark.parametrize("rpc", [command.rpc for command in SHOWN])
def test_the_format_of_an_rpc_can_be_asked_for(still: Emulation, rpc: str) -> None:
    wire = still.connect()
    assert answer(wire, f'<{rpc} format="text"/>').tag == "output"
    assert len(objects(wire, f'<{rpc} format="json"/>')) == 1


def test_an_unknown_format_is_refused(still: Emulation) -> None:
    found = refused(still, '<command format="yaml">show version</command>')
    assert (found["error-tag"], found["bad-attribute"]) == ("bad-attribute", "format")


# What clients ask first


def test_software_information_says_name_model_and_version(still: Emulation) -> None:
    reply = answer(still.connect(), in_namespace("get-software-information", None))
    assert (reply.findtext("host-name"), reply.findtext("product-model")) == ("host", "m20")
    assert reply.findtext("junos-version") == "7.4R1.7"


def test_uptime_is_that_of_the_device() -> None:
    emulation = Emulation()
    emulation.advance(100)
    reply = answer(emulation.connect(), "<get-system-uptime-information/>")
    length = reply.find("system-booted-time/time-length")
    assert length is not None
    assert length.get(f"{{{NAMESPACE}}}seconds") == "108"
    assert reply.findtext("current-time/date-time") == "2003-03-10 12:01:48 UTC"


def test_the_chassis_has_a_serial_number_and_the_pics_in_their_slots(still: Emulation) -> None:
    reply = answer(still.connect(), "<get-chassis-inventory/>")
    assert (reply.findtext("chassis/serial-number") or "").isdigit()
    assert [each.text for each in reply.iterfind(".//chassis-sub-module/name")] == ["PIC 1", "PIC 3"]


def test_interfaces_are_listed_with_their_units(still: Emulation) -> None:
    reply = answer(still.connect(), "<get-interface-information><terse/></get-interface-information>")
    assert [each.findtext("name") for each in reply] == ["es-1/3/0", "es-1/1/0"]
    assert [each.text for each in reply.iterfind(".//logical-interface/name")] == ["es-1/3/0.0", "es-1/3/0.1"]


def test_a_parameter_that_an_rpc_does_not_have_is_a_syntax_error(still: Emulation) -> None:
    found = refused(
        still,
        "<get-interface-information><routing-instance>iri</routing-instance><terse/></get-interface-information>",
    )
    assert (found["error-message"], found["bad-element"]) == ("syntax error", "routing-instance")


def test_the_home_of_a_user_is_theirs(still: Emulation) -> None:
    for user in ("admin", "operator"):
        reply = answer(still.connect(user), "<file-list><path>~</path></file-list>")
        assert reply.get("root-path") == f"/var/home/{user}"


# What is done


def test_a_clear_is_done_and_answered_with_ok() -> None:
    emulation = Emulation()
    before = list(emulation.gateway.device.ike_sas)
    assert answer(emulation.connect(), "<clear-ike-security-associations/>").tag == "ok"
    assert not set(before) & set(emulation.gateway.device.ike_sas)


def test_a_clear_in_text_prints_nothing() -> None:
    assert output(Emulation().connect(), "clear ipsec security-associations") == []


def test_a_switch_is_done_by_its_rpc_and_by_its_command() -> None:
    emulation = Emulation()
    wire = emulation.connect()
    group = emulation.gateway.device.interface_redundancy["es-1/3/0"]
    operation = (
        "<request-ipsec-switch-interface><interface-name>es-1/3/0</interface-name></request-ipsec-switch-interface>"
    )
    assert answer(wire, operation).tag == "ok"
    assert group.backup_state is RedundancyState.ACTIVE
    assert output(wire, "request ipsec switch interface") == []
    assert group.primary_state is RedundancyState.ACTIVE
    assert answer(wire, "<request-ipsec-switch-security-associations/>").tag == "ok"
    assert emulation.gateway.device.tunnel_redundancy["sa-dynamic"].failure_counter == 1


REFUSED = [
    ("clear-ike-security-associations", "peer-address", "9.9.9.9", "unknown-peer"),
    ("clear-ipsec-security-associations", "sa-name", "sa-none", "unknown-security-association"),
    ("clear-ipsec-security-associations", "sa-name", "sa-manual", "not-dynamic"),
    ("request-ipsec-switch-interface", "interface-name", "es-9/9/9", "unknown-interface"),
    ("request-ipsec-switch-security-associations", "sa-name", "sa-manual", "no-backup"),
    ("request-ipsec-switch-security-associations", "sa-name", "sa-none", "unknown-security-association"),
    ("get-ike-security-associations-information", "peer-address", "9.9.9.9", "unknown-peer"),
    ("get-security-associations-information", "sa-name", "sa-none", "unknown-security-association"),
    ("get-ipsec-pic-redundancy-information", "interface-name", "es-9/9/9", "unknown-interface"),
    (
        "get-ipsec-tunnel-redundancy-information",
        "security-association-name",
        "sa-none",
        "unknown-security-association",
    ),
    ("get-certificates-information", "serial-number", "7", "unknown-certificate"),
    ("get-crl-information", "crl-name", "C=us", "unknown-crl"),
]


@pytest.mark.parametrize(("rpc", "parameter", "value", "app_tag"), REFUSED)
def test_what_is_not_there_is_an_error(still: Emulation, rpc: str, parameter: str, value: str, app_tag: str) -> None:
    found = refused(still, f"<{rpc}><{parameter}>{value}</{parameter}></{rpc}>")
    assert found["error-app-tag"] == app_tag
    assert found["error-tag"] == ("operation-failed" if app_tag == "no-backup" else "invalid-value")


def test_a_switch_to_a_pic_that_is_offline_is_refused_and_not_counted() -> None:
    emulation = Emulation()
    emulation.gateway.device.set_pic("es-1/1/0", PicCommand.OFFLINE)
    found = refused(emulation, "<request-ipsec-switch-interface/>")
    assert (found["error-tag"], found["error-app-tag"]) == ("operation-failed", "backup-offline")
    assert emulation.gateway.device.interface_redundancy["es-1/3/0"].failure_counter == 0


def test_a_pic_is_taken_out_of_service_by_its_slot() -> None:
    emulation = Emulation()
    assert output(emulation.connect(), "request chassis pic fpc-slot 1 pic-slot 3 offline") == []
    assert emulation.gateway.device.pics["es-1/3/0"].state is RedundancyState.OFFLINE
    assert output(emulation.connect(), "request chassis pic pic-slot 3 fpc-slot 1 online") == []
    found = refused(emulation, "<request-chassis-pic><fpc-slot>1</fpc-slot><offline/></request-chassis-pic>")
    assert (found["error-tag"], found["bad-element"]) == ("missing-element", "pic-slot")


# command


def test_a_command_says_its_rpc_when_asked(still: Emulation) -> None:
    reply = answer(still.connect(), "<command>show ike security-associations 4.4.4.4 detail| display xml rpc</command>")
    assert reply.tag == "rpc"
    (operation,) = reply
    assert operation.tag == "get-ike-security-associations-information"
    assert [(leaf.tag, leaf.text) for leaf in operation] == [("peer-address", "4.4.4.4"), ("detail", None)]


def test_a_command_that_no_rpc_does_says_so(still: Emulation) -> None:
    found = refused(still, "<command>show configuration | display xml rpc</command>")
    assert "no RPC" in found["error-message"]


def test_the_rpc_of_every_command_gives_what_the_command_gives(still: Emulation) -> None:
    wire = still.connect()
    for command in SHOWN:
        line = " ".join(command.words)
        (operation,) = answer(wire, f"<command>{line} | display xml rpc</command>")
        by_rpc = answer(wire, etree.tostring(operation).decode())
        by_line = answer(wire, f"<command>{line}</command>")
        assert etree.tostring(by_rpc) == etree.tostring(by_line), line


def test_pipes_work_in_the_text_of_a_command(still: Emulation) -> None:
    wire = still.connect()
    assert output(wire, "show version | match model") == ["Model: m20"]
    assert output(wire, "show version | except e | count") == ["Count: 0 lines"]


def test_a_display_pipe_goes_before_the_format(still: Emulation) -> None:
    found = answer(still.connect(), '<command format="text">show version | display xml</command>')
    assert found.tag == "software-information"


@pytest.mark.parametrize(
    ("command", "word"),
    [("show foo", "foo"), ("show i", "i"), ("show ike security-associations 4.4.4.x", "4.4.4.x"), ("show ipsec", "")],
)
def test_a_syntax_error_names_the_word(still: Emulation, command: str, word: str) -> None:
    found = refused(still, f"<command>{command}</command>")
    assert (found["error-type"], found["error-tag"]) == ("protocol", "operation-failed")
    assert found["bad-element"] == word


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.does in (Local.QUIT, Local.HELP)], ids=str)
def test_what_only_a_prompt_can_do_is_refused(still: Emulation, command: Command) -> None:
    assert "prompt" in refused(still, f"<command>{' '.join(command.words)}</command>")["error-message"]


def test_the_configuration_is_a_command_too(still: Emulation) -> None:
    wire = still.connect()
    text = '<command format="text">show configuration'
    shown = answer(wire, f"{text} interfaces</command>").findtext("configuration-output", "")
    assert "backup-destination 3.3.3.3;" in shown
    statement = "set interfaces es-1/3/0 es-options backup-interface es-1/1/0"
    assert (
        statement in answer(wire, f"{text} | display set</command>").findtext("configuration-output", "").splitlines()
    )
    as_statements = answer(wire, '<command format="set">show configuration interfaces</command>')
    assert as_statements.tag == "configuration-set"
    assert statement in (as_statements.text or "").splitlines()
    assert answer(wire, "<command>show configuration</command>").tag == "configuration"


def test_only_the_configuration_is_shown_as_statements(still: Emulation) -> None:
    assert "format" in refused(still, '<get-software-information format="set"/>')["error-message"]
    assert "configuration alone" in refused(still, '<command format="set">show version</command>')["error-message"]


# Who may


DENIED = [
    *(f"<{command.rpc}/>" for command in NAMED),
    *(f"<command>{' '.join(command.words)}</command>" for command in NAMED if command.rpc != "request-chassis-pic"),
    "<command>show configuration</command>",
    "<get-configuration/>",
]


@pytest.mark.parametrize("operation", DENIED)
def test_a_guest_is_denied(operation: str) -> None:
    emulation = Emulation()
    before = list(emulation.gateway.device.ike_sas)
    found = refused(emulation, operation, "guest")
    assert (found["error-tag"], found["error-message"]) == ("access-denied", "permission denied")
    assert list(emulation.gateway.device.ike_sas) == before
    assert emulation.gateway.server.access_counters.operations == 1


@pytest.mark.parametrize(
    "line", [" ".join(c.words) for c in NAMED if c.words[:2] not in (("request", "chassis"), ("file", "list"))]
)
def test_an_operator_may_run_the_seven_commands_and_look(line: str) -> None:
    wire = Emulation().connect("operator")
    assert answer(wire, f'<command format="text">{line}</command>').tag == "output"


def test_an_operator_may_not_take_a_pic_out_of_service(still: Emulation) -> None:
    line = "request chassis pic fpc-slot 1 pic-slot 3 offline"
    assert refused(still, f"<command>{line}</command>", "operator")["error-tag"] == "access-denied"
    assert still.gateway.device.pics["es-1/3/0"].is_active
