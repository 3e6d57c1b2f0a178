"""The examples do what they say, run as a user runs them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.support.served import Served, served

EXAMPLES = Path(__file__).parents[2] / "scripts" / "examples"


def run(server: Served, example: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an example against a server."""
    command = [sys.executable, "-W", "ignore", str(EXAMPLES / f"{example}.py"), "--port", str(server.port), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def cookies(output: str) -> list[str]:
    """Return every cookie in an output."""
    return re.findall(r"\b[0-9a-f]{16}\b", output)


def test_show_brief_prints_the_table_of_the_chapter(chapter: Served) -> None:
    shown = run(chapter, "show_ike_security_associations")
    assert shown.returncode == 0, shown.stderr
    header, line = shown.stdout.splitlines()
    assert " ".join(header.split()) == "Remote Address State Initiator cookie Responder cookie Exchange type"
    assert re.fullmatch(r"4\.4\.4\.4 +Matured +[0-9a-f]{16} +[0-9a-f]{16} +Main", line)


def test_show_detail_prints_the_fields_of_the_chapter(chapter: Served) -> None:
    shown = run(chapter, "show_ike_security_associations", "4.4.4.4", "detail")
    assert shown.returncode == 0, shown.stderr
    for line in (
        "IKE peer 4.4.4.4",
        "  Role: Initiator, State: Matured",
        "  Exchange type: Main, Authentication method: Pre-shared-keys",
        "  Local: 4.4.4.5:500, Remote: 4.4.4.4:500",
        "    Authentication        : md5",
        "    Encryption            : 3des-cbc",
        "    Pseudo random function: hmac-md5",
    ):
        assert line in shown.stdout.splitlines()
    assert re.search(r"Lifetime: Expires in 3\d{3} seconds", shown.stdout)
    assert "Caller notification sent" in shown.stdout


def test_show_of_a_peer_without_an_sa_prints_none(chapter: Served) -> None:
    shown = run(chapter, "show_ike_security_associations", "9.9.9.9")
    assert (shown.returncode, len(shown.stdout.splitlines())) == (0, 1)


def test_clear_makes_the_cookies_new(chapter: Served) -> None:
    before = cookies(run(chapter, "show_ike_security_associations").stdout)
    cleared = run(chapter, "clear_ike_security_associations", "4.4.4.4")
    after = cookies(run(chapter, "show_ike_security_associations").stdout)
    assert (cleared.returncode, cleared.stdout) == (0, "1 cleared\n")
    assert before
    assert after
    assert not set(before) & set(after)


def test_clear_of_an_unknown_peer_says_so(chapter: Served) -> None:
    refused = run(chapter, "clear_ike_security_associations", "9.9.9.9")
    assert refused.returncode == 1
    assert "9.9.9.9" in refused.stderr
    assert "Traceback" not in refused.stderr


def spis(output: str) -> list[str]:
    """Return every SPI of the dynamic security association in a detailed output."""
    return re.findall(r"SPI: (\d+), AUX", output)


def test_show_ipsec_brief_prints_the_table_of_the_chapter(chapter: Served) -> None:
    shown = run(chapter, "show_ipsec_security_associations", "sa-manual", "brief")
    assert shown.returncode == 0, shown.stderr
    heading, header, *lines = shown.stdout.splitlines()
    assert heading == "Security association: sa-manual, Interface family: Up"
    assert header.split() == ["Direction", "SPI", "AUX-SPI", "Mode", "Type", "Protocol"]
    assert [line.split() for line in lines] == [
        ["inbound", "2908734119", "0", "tunnel", "manual", "AH"],
        ["outbound", "3494029335", "0", "tunnel", "manual", "AH"],
    ]
    assert [header.index(word) for word in ("SPI", "AUX-SPI", "Mode", "Type", "Protocol")] == [
        lines[0].index(word) for word in ("2908", "0  ", "tunnel", "manual", "AH")
    ]


def test_show_ipsec_detail_prints_the_fields_of_the_chapter(chapter: Served) -> None:
    shown = run(chapter, "show_ipsec_security_associations", "sa-dynamic", "detail")
    assert shown.returncode == 0, shown.stderr
    heading, *blocks = shown.stdout.rstrip().split("\n\n")
    assert heading == "Security association: sa-dynamic, Interface family: Up"
    assert len(blocks) == 2
    for block, direction in zip(blocks, ("inbound", "outbound"), strict=True):
        first, *rest = block.splitlines()
        assert re.fullmatch(rf"Direction: {direction}, SPI: \d+, AUX-SPI: 0, State: Installed", first)
        assert rest[:2] == [
            "Mode: tunnel, Type: dynamic",
            "Protocol: ESP, Authentication: hmac-md5-96, Encryption: None",
        ]
        assert re.fullmatch(r"Soft lifetime: Expires in 2[23]\d{3} seconds", rest[2])
        assert re.fullmatch(r"Hard lifetime: Expires in 28\d{3} seconds", rest[3])
        assert rest[4:] == ["Anti-replay service: Disabled"]


def test_show_ipsec_of_all_prints_a_manual_one_without_lifetimes(chapter: Served) -> None:
    shown = run(chapter, "show_ipsec_security_associations", "detail")
    assert shown.returncode == 0, shown.stderr
    _, manual = shown.stdout.split("Security association: sa-manual")
    assert "sa-dynamic" not in manual
    assert "Mode: tunnel, Type: manual\nProtocol: AH, Authentication: hmac-md5-96, Encryption: None" in manual
    assert "lifetime" not in manual


def test_show_ipsec_of_an_unknown_name_says_so(chapter: Served) -> None:
    refused = run(chapter, "show_ipsec_security_associations", "nonsense")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "error: there is no security association nonsense\n"


def test_clear_ipsec_makes_the_spis_new_and_leaves_the_manual_one_alone(chapter: Served) -> None:
    before = spis(run(chapter, "show_ipsec_security_associations", "sa-dynamic", "detail").stdout)
    cleared = run(chapter, "clear_ipsec_security_associations")
    after = spis(run(chapter, "show_ipsec_security_associations", "sa-dynamic", "detail").stdout)
    assert (cleared.returncode, cleared.stdout) == (0, "2 cleared\n")
    assert len(before) == len(after) == 2
    assert not set(before) & set(after)
    manual = run(chapter, "show_ipsec_security_associations", "sa-manual", "detail").stdout
    assert spis(manual) == ["2908734119", "3494029335"]


def test_clear_ipsec_of_a_manual_one_is_refused(chapter: Served) -> None:
    refused = run(chapter, "clear_ipsec_security_associations", "sa-manual")
    assert refused.returncode == 1
    assert "sa-manual is manual" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_tunnel_is_added_whole_and_removed_whole(chapter: Served) -> None:
    added = run(chapter, "add_tunnel")
    assert (added.returncode, added.stdout) == (0, "sa-added up\n"), added.stderr
    shown = run(chapter, "show_ike_security_associations", "5.5.5.5")
    assert "Matured" in shown.stdout
    again = run(chapter, "add_tunnel")
    assert again.returncode == 1
    assert "exists already" in again.stderr
    removed = run(chapter, "add_tunnel", "--remove")
    assert (removed.returncode, removed.stdout) == (0, "sa-added removed\n"), removed.stderr
    assert "Matured" not in run(chapter, "show_ike_security_associations", "5.5.5.5").stdout
    assert "sa-added" not in run(chapter, "show_ipsec_security_associations").stdout


def test_a_tunnel_with_the_wrong_key_stays_down(chapter: Served) -> None:
    added = run(chapter, "add_tunnel", "--key", "wrong", "--name", "sa-wrong")
    assert added.returncode == 1
    assert "configured and not up" in added.stderr
    assert run(chapter, "add_tunnel", "--name", "sa-wrong", "--remove").returncode == 0


def test_a_watcher_sees_a_rekey_when_time_runs_fast(tmp_path: Path) -> None:
    with served(tmp_path / "state", "--scenario", "chapter", "--time-scale", "10000") as fast:
        watched = run(fast, "watch_rekey", "--count", "4", "--timeout", "30")
    assert watched.returncode == 0, watched.stderr
    seen = [line.split()[1] for line in watched.stdout.splitlines()]
    assert seen == ["ipsec-sa-expired", "ipsec-sa-installed", "ipsec-sa-rekeyed", "ipsec-sa-deleted"]
    assert "lifetime=soft" in watched.stdout


def test_the_certificate_database_is_that_of_the_chapter(chapter: Served) -> None:
    shown = run(chapter, "show_ipsec_certificates")
    assert shown.returncode == 0, shown.stderr
    header, _, *lines = shown.stdout.splitlines()
    assert header == "Database: Total entries: 3 Active entries: 3 Locked entries: 1"
    assert [line.split()[:2] for line in lines] == [["5", "22314868"], ["4", "22315496"], ["1", "1538512"]]


def spis_of(server: Served) -> list[str]:
    """Return the SPIs of sa-dynamic."""
    shown = run(server, "show_ipsec_security_associations", "sa-dynamic").stdout
    return re.findall(r"(?:inbound|outbound) +(\d+)", shown)


def test_a_switch_of_the_interface_swaps_the_pics_and_leaves_the_spis(tmp_path: Path) -> None:
    with served(tmp_path / "state", "--scenario", "chapter") as server:
        shown = run(server, "show_ipsec_redundancy", "interface")
        assert shown.stdout.splitlines() == [
            "Failure counter: 0",
            "Primary interface: es-1/3/0, State: Active",
            "Backup interface : es-1/1/0, State: Standby",
        ], shown.stderr
        before = spis_of(server)
        assert run(server, "request_ipsec_switch", "interface").stdout == "es-1/3/0 switched\n"
        assert run(server, "show_ipsec_redundancy", "interface", "es-1/3/0").stdout.splitlines() == [
            "Failure counter: 1",
            "Primary interface: es-1/3/0, State: Standby",
            "Backup interface : es-1/1/0, State: Active",
        ]
        assert before
        assert spis_of(server) == before


def test_a_switch_of_the_tunnel_changes_the_peer_and_the_spis(tmp_path: Path) -> None:
    with served(tmp_path / "state", "--scenario", "chapter") as server:
        shown = run(server, "show_ipsec_redundancy", "security-associations", "sa-dynamic")
        assert shown.stdout.splitlines() == [
            "Security association: sa-dynamic, Failure counter: 0",
            "Local IP: 4.4.4.5",
            "Primary remote IP: 4.4.4.4, State: Active",
            "Backup remote IP : 3.3.3.3, State: Standby",
        ], shown.stderr
        before = spis_of(server)
        switched = run(server, "request_ipsec_switch", "security-associations", "sa-dynamic")
        assert switched.stdout == "sa-dynamic switched\n", switched.stderr
        assert "3.3.3.3" in run(server, "show_ike_security_associations").stdout
        after = spis_of(server)
        assert after
        assert not set(before) & set(after)
        refused = run(server, "request_ipsec_switch", "security-associations", "sa-manual")
        assert refused.returncode == 1
        assert "backup" in refused.stderr
