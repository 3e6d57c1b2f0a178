"""`ipsec-agent scenario` at the command line: what it prints, and how it ends."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.app.cli import commands
from agent.app.errors import AppError
from agent.app.scenario import load_scenario, run
from agent.app.scenario.run import ClaimsFailed, RunOptions, ScenarioWrong, check, length
from agent.core.world import SECOND
from tests.support.chapter import registry
from tests.support.scenarios import FOLDER, small


def own(folder: Path, more: str = "", old: str = "#MORE", new: str = "") -> str:
    """Write a small scenario of one's own, with the files that it needs, and return its name."""
    for file in ("chapter.xml", "access.xml", "chapter-4.4.4.4.xml", "chapter-3.3.3.3.xml"):
        (folder / file).write_bytes((FOLDER / file).read_bytes())
    text = small(more)
    (folder / "own.yaml").write_text(text.replace(old, new))
    return str(folder / "own.yaml")


def lived(name: str, **options: object) -> list[str]:
    """Live through a scenario and return what was printed."""
    out = io.StringIO()
    run.run(RunOptions(name, **options), out, registry())  # type: ignore[arg-type]
    return out.getvalue().splitlines()


def test_events_are_printed_with_their_time_their_name_and_their_leaves(tmp_path: Path) -> None:
    lines = lived(own(tmp_path))
    (established,) = [line for line in lines if "ike-sa-established" in line]
    assert established.startswith("2003-03-10T12:00:0")
    assert "remote-address=4.4.4.4" in established


def test_a_quiet_run_prints_its_claims_alone(tmp_path: Path) -> None:
    name = own(tmp_path, "assertions: [{event: ike-sa-established, count: 1}]\n")
    assert lived(name, is_quiet=True) == ["ok: ike-sa-established 1 times, 0:00:00 to the end"]


def test_claims_that_fail_are_named_with_their_places_and_end_the_program_with_1(tmp_path: Path) -> None:
    name = own(tmp_path, "assertions:\n  - {event: peer-unreachable}\n  - {event: tunnel-switched, never: true}\n")
    with pytest.raises(ClaimsFailed, match=r"own\.yaml:\d+:5: peer-unreachable happened 0 times") as failed:
        lived(name)
    assert failed.value.exit_code == 1
    assert "tunnel-switched" not in str(failed.value)


def test_a_run_is_as_long_as_the_scenario_says_and_as_its_claims_need(tmp_path: Path) -> None:
    assert length(load_scenario(own(tmp_path))) == 8 * SECOND
    assert length(load_scenario(own(tmp_path, "run-for: 1h\n"))) == 3600 * SECOND
    claim = "assertions: [{event: peer-unreachable, until: 2h, never: true}, {path: /ike:ike, at: 3h, exists: true}]\n"
    assert length(load_scenario(own(tmp_path, claim))) == 3 * 3600 * SECOND


def test_a_run_can_be_longer_and_begin_with_another_chance(tmp_path: Path) -> None:
    name = own(tmp_path)
    assert len(lived(name, until=4000 * SECOND)) > len(lived(name))
    cookies = [[line for line in lived(name, seed=seed) if "ike-sa-established" in line] for seed in ("a", "b", "a")]
    assert cookies[0] == cookies[2] != cookies[1]


def test_a_quiet_run_comes_out_as_one_that_is_watched(tmp_path: Path) -> None:
    name = own(tmp_path)
    lived(name, until=100 * SECOND, journal=tmp_path / "watched")
    lived(name, until=100 * SECOND, journal=tmp_path / "quiet", is_quiet=True)
    assert (tmp_path / "quiet").read_bytes() == (tmp_path / "watched").read_bytes()


def test_what_is_alike_can_be_fewer(tmp_path: Path) -> None:
    with pytest.raises(ClaimsFailed):  # it claims things of a whole day
        lived("ten-thousand-tunnels", alike=3, until=60 * SECOND, journal=tmp_path / "journal")
    text = (tmp_path / "journal").read_text()
    assert text.count('"event":"ipsec-sa-installed"') == 3
    assert '"alike":3' in text.splitlines()[0]


def test_a_journal_is_written_beside_what_is_printed(tmp_path: Path) -> None:
    lived(own(tmp_path), journal=tmp_path / "journal")
    lines = [json.loads(line) for line in (tmp_path / "journal").read_text().splitlines()]
    assert lines[0]["scenario"] == str(tmp_path / "own.yaml")
    assert lines[-1]["end"] is True


@pytest.mark.parametrize(
    ("more", "old", "new", "complaint"),
    [
        ("", "seed: small", "sed: small", r"own\.yaml:1:1: .*needs 'seed'"),
        ("", "4.4.4.4.xml", "9.9.9.9.xml", r"own\.yaml:14:20: .*a file beside the scenario"),
        ("timeline: [{at: 1, rpc: fly}]\n", "#", "#", r"own\.yaml:19:12: .*no RPC"),
        ("assertions: [{event: sunrise}]\n", "#", "#", r"own\.yaml:19:14: .*no event"),
        ("", "[4.4.4.5]", "[4.4.4.4]", "4.4.4.4"),
    ],
)
def test_a_check_finds_what_is_wrong_in_every_part(
    tmp_path: Path, more: str, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(ScenarioWrong, match=complaint) as wrong:
        check(own(tmp_path, more, old, new), registry())
    assert wrong.value.exit_code == 1


def test_a_check_judges_the_configurations_too(tmp_path: Path) -> None:
    name = own(tmp_path)
    file = tmp_path / "chapter-4.4.4.4.xml"
    file.write_text(file.read_text().replace("<mode>main</mode>", "<mode>quick</mode>"))
    with pytest.raises(ScenarioWrong, match=r"chapter-4\.4\.4\.4\.xml:12: "):
        check(name, registry())


def test_a_scenario_that_is_right_passes_its_check() -> None:
    assert check("flapping-peer", registry()).name == "flapping-peer"


@pytest.mark.parametrize("arguments", [[], ["chapter", "--replay", "x"], ["chapter", "--until", "soon"]])
def test_a_wrong_use_of_run_is_a_usage_error(arguments: list[str]) -> None:
    done = CliRunner().invoke(commands, ["scenario", "run", *arguments])
    assert done.exit_code == 2


def test_the_schema_is_printed_as_it_is_published() -> None:
    done = CliRunner().invoke(commands, ["scenario", "schema"])
    assert done.exit_code == 0
    assert done.output == (FOLDER / "scenario.schema.json").read_text()


ROOT = "certificates: [{id: 1, file: ROOT}, {id: ID, file: ROOT}]\n".replace("ROOT", "chapter-root.pem")


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (ROOT.replace("ID", "1"), "certificates: two entries of a certificate database have the same ID"),
        (ROOT.replace("ID", "2").replace("chapter-root.pem}]", "access.xml}]"), "certificates: "),
        ("traffic: [{security-association: none}]\n", "no security association none"),
    ],
)
def test_what_only_shows_when_a_device_is_made_is_an_error_too(tmp_path: Path, more: str, complaint: str) -> None:
    (tmp_path / "chapter-root.pem").write_bytes((FOLDER / "chapter-root.pem").read_bytes())
    with pytest.raises(AppError, match=complaint):
        check(own(tmp_path, more), registry())


def test_two_peers_of_one_address_are_refused_though_they_have_no_configuration(tmp_path: Path) -> None:
    name = own(
        tmp_path,
        old="configuration: chapter-3.3.3.3.xml}",
        new="configuration: []}\n  - {address: 3.3.3.3, configuration: []}",
    )
    with pytest.raises(ScenarioWrong, match=r"3\.3\.3\.3 is attached already"):
        check(name, registry())
