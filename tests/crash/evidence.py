"""What a gateway has written about a life of its own, read after its kill: nothing of what was answered is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.app.audit import FILE_NAME
from tests.support.mortal import JOURNAL

RUNNING = ("running", "netconf-config-change")
Line = Mapping[str, object]


@dataclass
class Answered:
    """What a client has been answered in one life of a gateway."""

    operations: list[str] = field(default_factory=list)
    """Every operation by its name, in order."""

    changes: list[str] = field(default_factory=list)
    """The proposals that were added to the running datastore."""


def audit_lines(folder: Path) -> list[Line]:
    """Return all lines of the audit log, the oldest first; each must be whole."""
    files = sorted(folder.glob(f"{FILE_NAME}.*"), key=lambda path: -int(path.suffix[1:]))
    return [line for path in (*files, folder / FILE_NAME) if path.exists() for line in _whole_lines(path)]


def journal_lines(folder: Path) -> list[Line]:
    """Return all lines of the journal of the last life; each must be whole."""
    return list(_whole_lines(folder / JOURNAL))


def _whole_lines(path: Path) -> Iterator[Line]:
    content = path.read_bytes()
    assert content[-1:] == b"\n", f"{path.name} ends within a line: {content[-200:]!r}"
    for line in content.splitlines():
        yield json.loads(line)


def see_audit(lines: Sequence[Line], answered: Answered) -> None:
    """See that the last life is in the audit log: what was answered, at most one thing more, and each change."""
    (*_, login) = (at for at, line in enumerate(lines) if line["operation"] == "login")
    life = lines[login + 1 :]
    found = [str(line["operation"]) for line in life if "result" in line]
    expected = [each for each in answered.operations if each != "get-config"]
    assert found[: len(expected)] == expected, "what was answered is not in the audit log"
    assert len(found) <= len(expected) + 1, "the audit log has what nobody asked for"
    added = "".join(str(line) for line in life if (line.get("datastore"), line["operation"]) == RUNNING)
    missing = [name for name in answered.changes if f":name='{name}']" not in added]
    assert not missing, f"changes that are not in the audit log: {missing}"


def see_journal(lines: Sequence[Line], answered: Answered) -> None:
    """See that the last life is in its journal: a request and a reply for all that was answered, in turns."""
    assert lines[0]["journal"] == 1
    asked = [line for line in lines if "request" in line or "reply" in line]
    assert ["request" in line for line in asked] == [at % 2 == 0 for at in range(len(asked))]
    assert len(answered.operations) <= len(asked) // 2 <= len(answered.operations) + 1
    for line, operation in zip(asked[::2], answered.operations, strict=False):
        assert f"<{operation}" in str(line), f"{operation} was asked, and the journal says {line}"
