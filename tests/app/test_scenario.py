"""Scenario files: the shipped ones load, and a wrong one says what is wrong and where."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path

import pytest

from agent.app.document import DocumentError
from agent.app.scenario import UnknownScenario, load_scenario, shipped_scenarios
from agent.core.identifiers import EntryId
from agent.core.world import SECOND
from tests.support.chapter import Emulation


def test_the_chapter_is_the_device_of_the_chapter_at_its_date() -> None:
    scenario = load_scenario("chapter")
    assert datetime.fromtimestamp(scenario.start / SECOND, UTC).strftime("%Y-%m") == "2003-03"
    assert scenario.device.addresses == (ip_address("4.4.4.5"),)
    assert [str(address) for peer in scenario.peers for address in peer.addresses] == ["4.4.4.4", "3.3.3.3", "5.5.5.5"]
    assert set(scenario.passwords) == {"admin", "operator", "guest"}


def test_secrets_of_a_scenario_are_in_no_repr() -> None:
    shown = repr(load_scenario("chapter"))
    assert "between-" not in shown
    assert "passwords" not in shown


@pytest.mark.parametrize("name", sorted(shipped_scenarios()))
def test_a_shipped_scenario_loads_under_its_own_name(name: str) -> None:
    assert load_scenario(name).name == name


def test_an_unknown_scenario_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownScenario, match="chapter"):
        load_scenario("nonsense")


def own(folder: Path, old: str, new: str) -> str:
    """Write the chapter with one part replaced, and return the file's name."""
    shipped = files("agent.scenarios")
    text = (shipped / "chapter.yaml").read_text("utf-8")
    assert old in text
    for file in shipped.iterdir():
        if file.name.endswith((".xml", ".pem")):
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / "own.yaml").write_text(text.replace(old, new))
    return str(folder / "own.yaml")


def test_a_file_of_ones_own_finds_the_configuration_beside_it(tmp_path: Path) -> None:
    scenario = load_scenario(own(tmp_path, "seed: chapter", "seed: 7\ntime-scale: step"))
    assert (scenario.seed, scenario.time_scale) == ("7", 0.0)
    assert scenario.device.configuration[0].xml.startswith(b"<config")
    assert scenario.device.configuration[0].name == str(tmp_path / "chapter.xml")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("2003-03-10T12:00:00Z", "yesterday", "with an offset, such as"),
        ("2003-03-10T12:00:00Z", "2003-03-10T12:00:00", "with an offset, such as"),
        ("seed: chapter", "seed: chapter\ntime-scale: -1", "'time-scale' must be"),
        ("seed: chapter", "seed: chapter\ntime-scale: inf", "'time-scale' must be"),
        ("seed: chapter", "seed: chapter\nsed: 1", "a scenario has no 'sed'"),
        ("addresses: [4.4.4.5]", "addresses: [4.4.4]", "every entry of 'addresses' must be an IP address"),
        (
            "configuration: [chapter.xml, access.xml]",
            "configuration: none.xml",
            "must be a file beside the scenario, not 'none.xml'",
        ),
        ("configuration: chapter-4.4.4.4.xml", "configuration: .", "must be a file beside the scenario, not '.'"),
        ("    configuration: chapter-4.4.4.4.xml", "    name: far", "an entry of 'peers' needs 'configuration'"),
        ("- address: 4.4.4.4", "- address: 4.4.4", "'address' must be an IP address"),
        ("- address: 4.4.4.4", "- address: 4.4.4.4\n    initiates: yes", "'initiates' must be true or false"),
        ("- address: 4.4.4.4", "- adress: 4.4.4.4", "an entry of 'peers' needs 'address'"),
        ("- address: 4.4.4.4", "- address: 4.4.4.4\n    tunnels: []", "an entry of 'peers' has no 'tunnels'"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(DocumentError, match=r"own\.yaml:\d+:\d+: ") as refused:
        load_scenario(own(tmp_path, old, new))
    assert complaint in str(refused.value)


def test_the_demo_begins_today_and_has_a_certificate_that_ends_soon() -> None:
    scenario = load_scenario("demo")
    assert datetime.fromtimestamp(scenario.start / SECOND, UTC).year >= 2026
    emulation = Emulation(scenario)
    ends = {
        entry.id: entry.certificate.not_after - scenario.start
        for entry in emulation.gateway.device.certificates.certificates()
    }
    assert ends[EntryId(2)] < 3 * 86400 * SECOND
    assert ends[EntryId(1)] > 365 * 86400 * SECOND


def test_the_demo_rekeys_within_minutes() -> None:
    emulation = Emulation(load_scenario("demo"))
    emulation.advance(600)
    associations = emulation.gateway.device.security_associations
    assert len(associations) == 3
    assert min(association.rekeys for association in associations.values()) >= 1


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("valid-for-days: 2", "valid-for-days: soon", "'valid-for-days' must be a number of days"),
        ("key: demo-gateway.key", "key: demo-root.pem", "demo.yaml"),
        ("subject: C=us, O=Example, CN=hub", "subject: nobody", "demo.yaml"),
    ],
)
def test_a_certificate_that_cannot_be_made_is_named_with_its_place(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    shipped = files("agent.scenarios")
    for file in shipped.iterdir():
        if file.name.startswith(("demo", "access")):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    text = (tmp_path / "demo.yaml").read_text()
    assert old in text
    (tmp_path / "demo.yaml").write_text(text.replace(old, new))
    with pytest.raises(DocumentError, match=r"demo\.yaml:\d+:\d+: ") as refused:
        load_scenario(str(tmp_path / "demo.yaml"))
    assert complaint in str(refused.value)
