"""The examples do what they say, run as a user runs them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.support.served import Served

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
