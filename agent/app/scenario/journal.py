"""The journal: everything that happened to a device, as lines of JSON in its own time.

The first line says of what scenario it is. A line follows for each thing that happened, with `at` and a key that says
what it is: `event`, `session`, `hello`, `request`, `fault`, `reply`, `command`, `action`, `loaded`, and at last `end`.
Invariants: the same scenario, seed and inputs give the same bytes; no line holds a secret, which stands as a reference
whose value is in a file of its own that its owner alone can read; a line is there whole or not at all, also when the
disk is full.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from agent.app.rotation import append_whole
from agent.app.scenario.happenings import tell
from agent.app.scenario.masking import Secrets
from agent.app.scenario.plan import Scenario
from agent.datastore.date_and_time import date_and_time
from agent.datastore.errors import RpcError
from agent.datastore.faults import Fault
from agent.datastore.registry import Registry
from agent.netconf.recording import Happening, Recorder

log: Final = logging.getLogger(__name__)
VERSION: Final = 1
SECRETS_SUFFIX: Final = ".secrets"
_OK: Final = "ok"
_REFUSED: Final = "refused"
SEALING_KEY: Final = "sealing-key"
"""The reference of the key that a device seals secrets with: what it shows of them is taken back from clients."""


class Out(Protocol):
    """What a journal is written to, such as a text stream."""

    def write(self, text: str, /) -> object:
        """Take a line. OSError when that cannot be."""

    def flush(self) -> None:
        """Let go of everything that was taken. OSError when that cannot be."""


class _File:
    """An empty file that takes whole lines; satisfies Out."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size = 0

    def write(self, text: str) -> None:
        """Append a line, or nothing."""
        line = text.encode("ascii")
        append_whole(self._descriptor, self._size, line)
        self._size += len(line)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""


class Journal(Recorder):
    """Writes down everything that a server tells."""

    def __init__(self, out: Out, secrets: Secrets, registry: Registry) -> None:
        """Write to a stream, and what must not stand in it to `secrets`."""
        self._out = out
        self._secrets = secrets
        self._registry = registry
        self._has_gap = False

    def complaint(self) -> str | None:
        """Return what is wrong with it; None for nothing."""
        return "it has ended before the device did" if self._has_gap else None

    def begin(
        self,
        scenario: Scenario,
        name: str,
        *,
        is_judged: bool = False,
        is_repeatable: bool = True,
        alike: int | None = None,
    ) -> None:
        """Write the first line; `name` is that of the scenario as it was given.

        `is_judged` says that the claims of the scenario are looked at, which can be seen by their RPCs.
        """
        self._write(
            {
                "journal": VERSION,
                "scenario": name,
                "digest": scenario.digest,
                "start": date_and_time(scenario.start),
                "seed": scenario.seed,
                **({"alike": alike} if alike is not None else {}),
                "judged": is_judged,
                "repeatable": is_repeatable,
            }
        )

    def end(self, at: int) -> None:
        """Write the last line."""
        self._line(at, end=True)

    def opened(self, at: int, session_id: int, user: str, source: str, transport: str, groups: Sequence[str]) -> None:
        """Write down who was let in."""
        client = {"user": user, "source": source, "transport": transport, "groups": list(groups)}
        self._line(at, session={"id": session_id, **client})

    def greeted(self, at: int, session_id: int, *, is_chunked: bool) -> None:
        """Write down which base was agreed on."""
        self._line(at, hello={"session": session_id, "base": "1.1" if is_chunked else "1.0"})

    def requested(self, at: int, session_id: int, message: bytes) -> None:
        """Write down a message, without the secrets in it."""
        text = self._masked(message.decode("utf-8", "surrogateescape"))
        self._line(at, request={"session": session_id, "message": text})

    def struck(self, at: int, session_id: int, fault: Fault) -> None:
        """Write down that a fault strikes."""
        self._line(at, fault={"session": session_id, "id": fault.id, "kind": fault.rule.kind.value, "hits": fault.hits})

    def answered(self, at: int, session_id: int, refused: Sequence[RpcError]) -> None:
        """Write down what is answered."""
        self._line(at, reply={"session": session_id, **_outcome(refused)})

    def acted(self, at: int, user: str, operation: bytes, refused: Sequence[RpcError]) -> None:
        """Write down what the scenario had done."""
        self._line(at, action={"user": user, "operation": self._masked(operation.decode()), **_outcome(refused)})

    def commanded(self, at: int, user: str, source: str, groups: Sequence[str], line: str, *, is_refused: bool) -> None:
        """Write down what was typed at the prompt, or given to `ssh`, and whether it was refused."""
        client = {"user": user, "source": source, "groups": list(groups)}
        self._line(at, command={**client, "line": self._masked(line), "outcome": _REFUSED if is_refused else _OK})

    def loaded(self, at: int, start: int) -> None:
        """Write down when the scenario begins that the device has become."""
        self._line(at, loaded={"start": date_and_time(start)})

    def happened(self, event: Happening) -> None:
        """Write down an event."""
        told = tell(event, self._registry)
        if told is not None:
            self._line(told.at, event=told.name, leaves=told.leaves)

    def _line(self, at: int, **what: object) -> None:
        self._write({"at": date_and_time(at), **what})

    def _masked(self, text: str) -> str:
        try:
            return self._secrets.mask(text)
        except OSError as error:
            self._give_up(error)
            return ""

    def _write(self, line: Mapping[str, object]) -> None:
        if self._has_gap:
            return
        try:
            self._out.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._out.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Write nothing more: a journal with a gap would tell of another life. The device lives on."""
        self._has_gap = True
        log.error("the journal ends here, without what happens from now on: %s", error.strerror)


@contextmanager
def written(path: Path, registry: Registry, key: bytes | None = None) -> Iterator[Journal]:
    """Write a journal to a file, and its secrets to one beside it, until the block ends. OSError when that cannot be.

    `key` is what the device seals secrets with, None where it is made from the seed.
    """
    secrets_path(path).unlink(missing_ok=True)
    secrets = Secrets(secrets_path(path))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        if key is not None:
            secrets.keep(SEALING_KEY, key.hex())
        yield Journal(_File(descriptor), secrets, registry)
    finally:
        secrets.close()
        os.close(descriptor)


def secrets_path(path: Path) -> Path:
    """Return where the secrets of a journal are."""
    return path.with_name(path.name + SECRETS_SUFFIX)


def _outcome(refused: Sequence[RpcError]) -> Mapping[str, object]:
    if not refused:
        return {"outcome": _OK}
    # Tags alone: the message of an error may repeat a value that is a secret.
    return {"outcome": refused[0].tag, "errors": [{"tag": each.tag, "app-tag": each.app_tag} for each in refused]}
