"""The commits that a restart finds again: a file in the state directory for each, as few as a router keeps.

A file has a digest of the rest, a line of JSON that says who committed what when, and the configuration in XML, its
secrets sealed. Invariants: what is read is what was written, to the octet: a file that is not is set aside, with a
message, when the device boots; and of the newest as many are kept as there is room for.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Final

from agent.app.configuration_file import BadConfiguration, ConfigurationFile, parse
from agent.app.errors import StateError
from agent.app.state import StateDirectory
from agent.datastore import errors
from agent.datastore.tree import Branch
from agent.junos.configuration.rollbacks import Committed
from agent.netconf.server import Server

_NAME: Final = re.compile(r"commit-(\d{1,15})\.xml", re.ASCII)
MAXIMUM_BYTES: Final = 64 * 1024 * 1024
"""Room for fifty configurations of some thousand entries: a program that ends has written them in a second."""
_START: Final = b'<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">'
_END: Final = b"</config>\n"
log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _File:
    """What is in the file of a commit."""

    committed: Committed
    xml: bytes

    def encode(self) -> bytes:
        """Return it as octets."""
        content = json.dumps(asdict(self.committed)).encode() + b"\n" + self.xml
        return sha256(content).hexdigest().encode() + b"\n" + content

    @classmethod
    def decode(cls, octets: bytes) -> _File:
        """Return what octets are; ValueError for what has not been encoded so."""
        digest, _, content = octets.partition(b"\n")
        if digest != sha256(content).hexdigest().encode():
            raise ValueError("it is not what was written")
        about, _, xml = content.partition(b"\n")
        try:
            return cls(Committed(**json.loads(about)), xml)
        except TypeError as error:
            raise ValueError(f"it is of another program: {error}") from error


def forget_commits(state: StateDirectory) -> None:
    """Forget every commit. StateError when that cannot be done."""
    for count in _counts(state):
        state.remove(_name(count))


def has_commits(state: StateDirectory) -> bool:
    """Whether a device would find any commit of an earlier life."""
    return bool(_counts(state))


class CommitHistory:
    """The commits of one state directory; satisfies junos.configuration.rollbacks.History."""

    def __init__(self, state: StateDirectory, server: Server, *, room: int = MAXIMUM_BYTES) -> None:
        """Use a directory that is ours; `server` knows how its configuration is written, `room` is in octets."""
        self._room = room
        self._state = state
        self._server = server
        self._digests: dict[int, bytes] = {}
        self._sizes: dict[int, int] = {}

    def load(self) -> Sequence[Committed]:
        """Return what was kept, newest first; what is damaged is set aside. StateError when files cannot be read."""
        found = [self._load(count) for count in sorted(_counts(self._state), reverse=True)]
        return [committed for committed in found if committed is not None]

    def _load(self, count: int) -> Committed | None:
        name = _name(count)
        try:
            file = _File.decode(self._state.read(name) or b"")
            if file.committed.count != count:
                raise ValueError("it is of another commit")
        except ValueError as error:
            target = self._state.set_aside(name)
            log.error("%s is damaged (%s): rollback will not find it, and it is %s now", name, error, target)
            return None
        self._digests[count] = sha256(file.xml).digest()
        self._sizes[count] = len(file.xml)
        return file.committed

    def is_of(self, committed: Committed, root: Branch) -> bool:
        """Tell whether a configuration is the one that was committed."""
        return self._digests.get(committed.count) == sha256(self._xml(root)).digest()

    def read(self, committed: Committed) -> Branch:
        """Return the configuration of one that is kept; RpcError when it cannot be read, or is not known any more."""
        name = _name(committed.count)
        try:
            file = _File.decode(self._state.read(name) or b"")
            return parse(ConfigurationFile(name, file.xml), self._server.registry, self._server.seal)
        except (StateError, ValueError, BadConfiguration) as error:
            raise errors.operation_failed(f"what was committed cannot be read: {error}") from error

    def keep(self, committed: Committed, root: Branch) -> bool:
        """Keep one; False, with a word in the log, when that cannot be done or those that are newer need the room."""
        room = self._room - self._newer(committed.count)
        xml = self._xml(root) if room > 0 else b""
        if len(xml) > room or not xml:
            log.warning("commit %d and those before it are not kept for rollback: they are too large", committed.count)
            return False
        try:
            self._state.write(_name(committed.count), _File(committed, xml).encode())
        except StateError as error:
            log.error("commit %d is not kept for rollback: %s", committed.count, error)
            return False
        self._sizes[committed.count] = len(xml)
        return True

    def excess(self) -> Sequence[int]:
        """Return the counts of those that there is no room for beside the newer ones."""
        return [count for count, size in self._sizes.items() if size + self._newer(count) > self._room]

    def _newer(self, count: int) -> int:
        """Return how many octets the configurations have that were committed later."""
        return sum(size for each, size in self._sizes.items() if each > count)

    def forget(self, committed: Committed) -> None:
        """Keep one no longer."""
        self._sizes.pop(committed.count, None)
        try:
            self._state.remove(_name(committed.count))
        except StateError as error:
            log.error("commit %d is kept longer than it should be: %s", committed.count, error)

    def _xml(self, root: Branch) -> bytes:
        return _START + self._server.transactions.serialize(root) + _END


def _name(count: int) -> str:
    return f"commit-{count}.xml"


def _counts(state: StateDirectory) -> list[int]:
    matches = [_NAME.fullmatch(path.name) for path in state.path.iterdir()]
    return [int(match[1]) for match in matches if match is not None]
