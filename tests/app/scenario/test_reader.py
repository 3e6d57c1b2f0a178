"""What a scenario says of peers, links, times and claims is read, and what is wrong is named with its place."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from agent.app.configuration_file import BadConfiguration
from agent.app.document import DocumentError
from agent.app.scenario import UnknownScenario, load_scenario, load_shipped, parse_scenario
from agent.app.scenario.plan import Behaviour, EventClaim, Happens, LeafClaim, LinkPlan, OutcomeClaim, Responds
from agent.core.link import LinkProfile
from agent.core.peer import PeerFault
from agent.core.world import SECOND
from tests.support.chapter import Emulation
from tests.support.netconf_wire import NAMESPACES, texts
from tests.support.scenarios import FOLDER, SMALL, complaints, small


def test_how_a_peer_behaves_is_read() -> None:
    more = "fault: wrong-key\n    reachable: false\n    answer-delay: 50ms\n    reboots: [{at: 1m, down: 20s}]"
    peer, _ = parse_scenario(small(peer=more)).peers
    assert peer.behaviour == Behaviour(False, PeerFault.WRONG_KEY, 50_000, ((60 * SECOND, 20.0),))


def test_a_link_between_two_is_two_directions_and_one_from_to_is_one() -> None:
    one, other = ip_address("4.4.4.5"), ip_address("4.4.4.4")
    both = parse_scenario(small("links: [{between: [4.4.4.5, 4.4.4.4], loss: 0.5, jitter: 1ms}]\n")).links
    profile = LinkProfile(loss=0.5, jitter_us=1_000)
    assert both == (LinkPlan(one, other, profile), LinkPlan(other, one, profile))
    single = parse_scenario(small("links: [{from: 4.4.4.5, to: 4.4.4.4, partitioned: true}]\n")).links
    assert single == (LinkPlan(one, other, LinkProfile(is_partitioned=True)),)


def test_the_three_kinds_of_the_timeline_are_read() -> None:
    scenario = parse_scenario(
        small(
            "timeline:\n"
            "  - {at: 1m, rpc: set-pic, input: {interface: es-1/3/0, state: fault}}\n"
            "  - {every: 10s, from: 5s, times: 3, rpc: set-pic, input: {interface: es-1/3/0, state: online}}\n"
            "  - {event: tunnel-switched, where: {to: 3.3.3.3}, after: 1s, rpc: switch-tunnel, as: operator}\n"
        )
    )
    at, every, upon = scenario.timeline
    assert isinstance(at, Happens)
    assert (at.at, at.every, at.action.user) == (60 * SECOND, None, "admin")
    assert at.action.input == {"interface": "es-1/3/0", "state": "fault"}
    assert isinstance(every, Happens)
    assert (every.at, every.every, every.times) == (5 * SECOND, 10 * SECOND, 3)
    assert isinstance(upon, Responds)
    assert (upon.event.name, upon.event.where, upon.after, upon.times) == (
        "tunnel-switched",
        {"to": "3.3.3.3"},
        SECOND,
        None,
    )
    assert upon.action.user == "operator"


def test_the_three_kinds_of_claims_are_read() -> None:
    scenario = parse_scenario(
        small(
            "assertions:\n"
            "  - {event: peer-unreachable, from: 1m, within: 30s, at-most: 2}\n"
            "  - {path: /ike:ike, at: 1h, exists: true}\n"
            "  - {rpc: clear-ike-security-associations, outcome: ok}\n"
        )
    )
    event, leaf, outcome = scenario.assertions
    assert isinstance(event, EventClaim)
    assert (event.since, event.until, event.least, event.most) == (60 * SECOND, 90 * SECOND, 0, 2)
    assert isinstance(leaf, LeafClaim)
    assert (leaf.at, leaf.relation, leaf.value) == (3600 * SECOND, "exists", "true")
    assert isinstance(outcome, OutcomeClaim)
    assert (outcome.at, outcome.outcome) == (None, "ok")


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("", 1, None), (", never: true", 0, 0), (", count: 3", 3, 3), (", at-least: 2", 2, None), (", at-most: 2", 0, 2)],
)
def test_how_often_an_event_is_to_happen_is_at_least_once_unless_it_says_so(
    said: str, least: int, most: int | None
) -> None:
    (claim,) = parse_scenario(small(f"assertions: [{{event: peer-unreachable{said}}}]\n")).assertions
    assert isinstance(claim, EventClaim)
    assert (claim.least, claim.most) == (least, most)


def test_many_peers_that_are_alike_have_addresses_one_after_the_other() -> None:
    peers = parse_scenario(small("alike: 300\n", peer="alike: true")).peers
    assert [str(peer.addresses[0]) for peer in (peers[0], peers[-1])] == ["4.4.4.4", "4.4.5.47"]
    assert [peer.configuration[0].number for peer in (peers[0], peers[-1])] == [1, 300]


def test_the_number_of_those_alike_can_be_another_than_the_scenario_says() -> None:
    assert len(load_scenario("rekey-storm", alike=3).peers) == 3
    assert len(load_scenario("chapter", alike=3).peers) == 3, "none of which are alike"


def test_a_scenario_that_begins_today_can_begin_at_another_day() -> None:
    assert load_scenario("demo", now=1_000_000 * SECOND).start == 1_000_000 * SECOND
    assert load_scenario("chapter", now=1_000_000 * SECOND).start != 1_000_000 * SECOND


def test_the_digest_changes_with_whatever_a_scenario_is_read_from() -> None:
    first = parse_scenario(SMALL).digest
    assert parse_scenario(SMALL).digest == first
    assert parse_scenario(SMALL + "\n# more\n").digest != first
    assert parse_scenario(SMALL.replace("chapter-4.4.4.4.xml", "chapter-3.3.3.3.xml")).digest != first


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("timeline: [{rpc: x}]", "an entry of 'timeline' needs one of 'at', 'every', 'event'"),
        ("timeline: [{at: 1, every: 2, rpc: x}]", "needs only one of 'at', 'every', 'event'"),
        ("timeline: [{at: 1}]", "needs one of 'rpc', 'xml'"),
        ("timeline: [{at: soon, rpc: x}]", "'at' must be a span of time"),
        ("timeline: [{at: 1, rpc: x, times: 2}]", "has no 'times'"),
        ("timeline: [{every: 0, rpc: x}]", "'every' is more than nothing"),
        ("timeline: [{event: x, times: 0, rpc: y}]", "'times' must be a number of at least 1"),
        ("timeline: [{at: 1, rpc: x, input: y}]", "'input' is a mapping"),
        ("assertions: [{event: x, never: false}]", "'never' must be true"),
        ("assertions: [{path: ike, exists: true}]", "'path' begins with /"),
        ("assertions: [{path: /ike | /ipsec, exists: true}]", "'path' is one path"),
        ("assertions: [{path: /ike}]", "needs one of 'equals', 'exceeds', 'below', 'exists'"),
        ("assertions: [{path: /ike, exceeds: many}]", "'exceeds' must be a number"),
        ("assertions: [{rpc: x}]", "needs 'outcome'"),
        ("links: [{from: 1.1.1.1}]", "needs 'to'"),
        ("links: [{between: [1.1.1.1]}]", "'between' names two addresses"),
        ("links: [{from: 1.1.1.1, to: 1.1.1.2, loss: 2}]", "'loss' must be a number from 0 to 1"),
        ("traffic: [{from: 1m}]", "an entry of 'traffic' needs 'security-association'"),
        ("run-for: ever", "'run-for' must be a span of time"),
        ("time-scale: .nan", "'time-scale' must be a number of at least 0"),
        ("time-scale: inf", "'time-scale' must be a number of at least 0"),
        ("time-scale: 2e9", "at most 1e+09"),
        ("certificates: [{id: 0, file: chapter-root.pem}]", "'id' must be a number from 1 to 4294967295"),
        ("certificates: [{id: 4294967296, file: chapter-root.pem}]", "'id' must be a number from 1 to 4294967295"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_column(more: str, complaint: str) -> None:
    with pytest.raises(DocumentError, match=r"^document:\d+:\d+: ") as refused:
        parse_scenario(small(f"{more}\n"))
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    "given", ["2003-03-10T12:00:00", "1969-12-31T23:59:59Z", "9000-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"]
)
def test_a_scenario_begins_in_a_year_that_has_room_behind_it(given: str) -> None:
    with pytest.raises(DocumentError, match=r"^document:3:8: 'start' must be .* from 1970 to 8999"):
        parse_scenario(SMALL.replace("2003-03-10T12:00:00Z", given))


def test_peers_that_are_alike_do_not_go_beyond_the_last_address() -> None:
    text = small("alike: 3\n", peer="alike: true").replace("address: 4.4.4.4", "address: 255.255.255.254")
    with pytest.raises(DocumentError, match=r"^document:\d+:5: from 255\.255\.255\.254 on there are no 3 addresses"):
        parse_scenario(text)


@pytest.mark.parametrize(
    ("start", "dates", "complaint"),
    [
        ("8999-01-01T00:00:00Z", "valid-since-days: 1, valid-for-days: 1000000", "beyond the years"),
        ("1970-01-01T00:00:00Z", "valid-since-days: 7400, valid-for-days: 1", "before the year 1950"),
        ("1970-01-01T00:00:00Z", "valid-since-days: 1000000, valid-for-days: 1", "year"),
    ],
)
def test_a_certificate_of_a_date_that_none_can_have_is_refused(start: str, dates: str, complaint: str) -> None:
    issue = (
        f"serial: 1, subject: CN=a, issuer: CN=b, dns-name: a, key: demo-root.key, issuer-key: demo-root.key, {dates}"
    )
    text = small(f"certificates: [{{id: 1, issue: {{{issue}}}}}]\n").replace("2003-03-10T12:00:00Z", start)
    with pytest.raises(DocumentError, match=rf"^document:\d+:\d+: a date is .*{complaint}"):
        parse_scenario(text)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_bytes(b"name: \xff")
    with pytest.raises(DocumentError, match=r"own\.yaml: .*utf-8"):
        load_scenario(str(tmp_path / "own.yaml"))


def test_an_input_from_a_file_that_is_no_text_is_refused_with_its_place(tmp_path: Path) -> None:
    for path in FOLDER.glob("*.xml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "binary").write_bytes(b"\xff")
    more = "timeline: [{at: 1, rpc: import-certificate, input: {pem: {file: binary}}}]\n"
    (tmp_path / "own.yaml").write_text(small(more))
    with pytest.raises(DocumentError, match=r"own\.yaml:\d+:\d+: 'file' must be a file of text"):
        load_scenario(str(tmp_path / "own.yaml"))


def test_a_file_is_named_with_its_suffix_and_has_its_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(SMALL)
    with pytest.raises(UnknownScenario):
        load_scenario(str(tmp_path / "own"))


@pytest.mark.parametrize("given", ["-1", "inf", "nan", "soon"])
def test_a_scenario_settles_for_a_span_of_time(given: str) -> None:
    text = SMALL.replace("settle-seconds: 8", f"settle-seconds: {given}")
    with pytest.raises(DocumentError, match=r"^document:4:17: 'settle-seconds' must be a span of time"):
        parse_scenario(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [("", "1:1: the document is empty"), ("name: x\nseed: \x01", "2:7: a character that may not stand here, number 1")],
)
def test_what_is_no_document_at_all_is_named_with_its_place(text: str, place: str) -> None:
    with pytest.raises(DocumentError, match=f"^document:{place}$"):
        parse_scenario(text)


def test_peers_that_are_alike_need_their_number() -> None:
    with pytest.raises(DocumentError, match="'alike' needs the number of them"):
        parse_scenario(small(peer="alike: true"))


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../cli.py", "chapter-none.xml", "x" * 5000], ids=lambda name: name[:20]
)
def test_a_scenario_that_is_no_file_reads_nothing_but_what_is_shipped(name: str) -> None:
    with pytest.raises(DocumentError, match="a file beside the scenario"):
        parse_scenario(SMALL.replace("chapter-4.4.4.4.xml", name))


def test_a_shipped_scenario_is_loaded_by_its_name_and_by_no_path() -> None:
    assert load_shipped("demo").name == "demo"
    with pytest.raises(UnknownScenario):
        load_shipped("agent/scenarios/demo.yaml")


@pytest.mark.parametrize(
    "more",
    [
        "timeline: [{rpc: x}]",
        "timeline: [{at: 1, every: 2, rpc: x}]",
        "timeline: [{at: 1}]",
        "timeline: [{at: soon, rpc: x}]",
        "timeline: [{at: 1, rpc: x, times: 2}]",
        "timeline: [{at: 1, rpc: x, xml: y}]",
        "timeline: [{at: 1, xml: x, input: {}}]",
        "timeline: [{every: 1, rpc: x, after: 2}]",
        "timeline: [{event: x, rpc: y, from: 2}]",
        "timeline: [{at: 1, rpc: x, input: y}]",
        "assertions: [{event: x, never: false}]",
        "assertions: [{event: x, count: -1}]",
        "assertions: [{path: ike, exists: true}]",
        "assertions: [{path: /ike}]",
        "assertions: [{path: /ike, exists: true, equals: 1}]",
        "assertions: [{path: /ike, exceeds: many}]",
        "assertions: [{rpc: x}]",
        "links: [{from: 1.1.1.1}]",
        "links: [{between: [1.1.1.1]}]",
        "links: [{between: [1.1.1.1, 1.1.1.2], from: 1.1.1.1}]",
        "links: [{from: 1.1.1.1, to: 1.1.1.2, loss: 2}]",
        "traffic: [{from: 1m}]",
        "run-for: ever",
        "alike: 0",
        "weather: fine",
        "certificates: [{id: 1}]",
        "certificates: [{id: x, file: demo-root.pem}]",
    ],
)
def test_the_published_schema_refuses_what_the_reader_refuses(more: str) -> None:
    with pytest.raises(DocumentError):
        parse_scenario(small(f"{more}\n"))
    assert complaints(small(f"{more}\n"))


@pytest.mark.parametrize(
    "more",
    [
        "timeline: [{every: 1m, from: 0, times: 2, rpc: x, as: guest}]",
        "timeline: [{event: x, where: {a: 1}, after: 90, times: 2, xml: <y/>}]",
        "assertions: [{event: x, from: 1m, until: 2m, at-least: 1, at-most: 2}]",
        "assertions: [{path: /x, at: 1, below: 3, as: operator}, {xml: <y/>, outcome: ok}]",
        "links: [{from: '::1', to: 1.1.1.2, delay: 1ms, jitter: 2ms, duplication: 0, reordering: 1}]",
        "traffic: [{security-association: x, from: 1m, every: 1s, packets: 5, packet-size: 100, direction: outbound}]",
        "run-for: 1d\ntime-scale: step\nalike: 4",
        "certificates: [{id: 1, file: demo-root.pem, origin: trust-anchor}]",
    ],
)
def test_the_published_schema_takes_what_the_reader_takes(more: str) -> None:
    assert parse_scenario(small(f"{more}\n")).name == "small"
    assert complaints(small(f"{more}\n")) == []


def test_configuration_is_a_file_of_json_or_stands_in_the_scenario_as_xml_or_as_json(tmp_path: Path) -> None:
    host = '{"ietf-interfaces:interfaces": {"interface": [{"name": "es-1/3/0", "description": "spare"}]}}'
    (tmp_path / "more.json").write_text(host)
    for file in ("chapter.xml", "access.xml", "chapter-4.4.4.4.xml", "chapter-3.3.3.3.xml"):
        (tmp_path / file).write_bytes((FOLDER / file).read_bytes())
    inline = "{ietf-interfaces:interfaces: {interface: [{name: es-1/3/0, description: spare}]}}"
    interface = "<interface><name>es-1/3/0</name><description>spare</description></interface>"
    xml = f"'<config><interfaces xmlns=\"{NAMESPACES['if']}\">{interface}</interfaces></config>'"
    for given in ("more.json", inline, xml):
        text = SMALL.replace("[chapter.xml, access.xml]", f"[chapter.xml, access.xml, {given}]")
        (tmp_path / "own.yaml").write_text(text)
        assert complaints(text) == []
        emulation = Emulation(load_scenario(str(tmp_path / "own.yaml")))
        data = emulation.connect().get_config(f'<interfaces xmlns="{NAMESPACES["if"]}"/>')
        assert texts(data, ".//if:description") == ["spare"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("{ipsec-agent-ike:ike: {proposal: [{name: x, lifetime-seconds: soon}]}}", r"document:10:\d+: .*soon"),
        ("{nope:x: 1}", r"document:10:\d+: .*nope"),
        ("'<config><ike xmlns=\"urn:x\"/></config>'", r"document:10: .*ike"),
    ],
)
def test_what_is_wrong_with_configuration_in_the_scenario_is_named_with_its_place(given: str, complaint: str) -> None:
    scenario = parse_scenario(SMALL.replace("[chapter.xml, access.xml]", f"[chapter.xml, {given}]"))
    with pytest.raises(BadConfiguration, match=complaint):
        Emulation(scenario)


def test_a_block_of_xml_has_the_lines_of_the_scenario() -> None:
    block = '\n    - |\n      <config>\n        <ike xmlns="urn:ipsec-agent:ike">\n          <nonsense/>\n'
    block += "        </ike>\n      </config>"
    text = SMALL.replace("[chapter.xml, access.xml]", block)
    line = text.splitlines().index("          <nonsense/>") + 1
    with pytest.raises(BadConfiguration, match=rf"document:{line - 1}: .*nonsense"):
        Emulation(parse_scenario(text))
