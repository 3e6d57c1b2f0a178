"""What somebody proves to know a secret by is compared in a time that does not depend on where it is wrong."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from agent.core.crypto.hashes import is_same

AGENT = Path(__file__).parents[2] / "agent"
PROOFS = re.compile(r"hash|hmac|digest|icv|mac\b|proof|expected|password|secret|token\b|signature", re.IGNORECASE)
PUBLIC = frozenset(
    {
        ("core/ike/natt.py", "destination != expected.local"),  # of addresses, without a key
        ("datastore/changes.py", "(token is None) != (expected is None)"),  # whether there is one, and not which
    }
)
"""What is compared with == and is no secret, with the reason."""
IN_CONSTANT_TIME = re.compile(r"\b(?:compare_digest|hashes\.is_same|checkpw)\(")
PROVING = (
    "core/ike/phase1.py",
    "core/ike/quick_mode.py",
    "core/ike/informational.py",
    "core/ipsec/ah.py",
    "core/ipsec/esp.py",
    "datastore/changes.py",
    "app/users.py",
)
"""Where proofs are judged: hashes of IKE, ICVs of AH and ESP, the token of a confirmed commit, passwords."""


def compared() -> Iterator[tuple[str, str]]:
    """Find every comparison with == or != of something that is called as a proof is, where proofs are judged."""
    folders = ("core/ike", "core/ipsec", "core/crypto")
    files = {path for folder in folders for path in (AGENT / folder).rglob("*.py")} | {AGENT / name for name in PROVING}
    for path in sorted(files):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Compare) and any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops):
                text = ast.unparse(node)
                if PROOFS.search(text):
                    yield path.relative_to(AGENT).as_posix(), text


def test_no_proof_is_compared_as_other_values_are() -> None:
    assert set(compared()) == PUBLIC


def test_each_place_that_judges_a_proof_does_so_in_constant_time() -> None:
    assert [name for name in PROVING if not IN_CONSTANT_TIME.search((AGENT / name).read_text("utf-8"))] == []


def test_hashes_are_the_same_whole_or_not_at_all() -> None:
    assert is_same(b"0123456789abcdef", b"0123456789abcdef")
    assert not is_same(b"0123456789abcdef", b"0123456789abcdeF")
    assert not is_same(b"0123456789abcdef", b"0123456789abcde")
    assert not is_same(b"", b"0")
