"""Random traffic to a gateway that is killed at random moments, and what has to be there when it comes back.

What may be found after a kill is known before it: what the last answered request left, or what the one that was on its
way was to leave. Nothing else: no half of either, no commit that waited to be confirmed, no lock. Whatever was answered
is in the audit log and in the journal, and no line of either is torn.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from types import TracebackType

from lxml import etree

from agent.app.files import FOLDER
from tests.crash.evidence import Answered, audit_lines, journal_lines, see_audit, see_journal
from tests.support.netconf_wire import BASE, BASE_1_0, END_OF_MESSAGE, NAMESPACES, envelope, texts

HELLO = f'<hello xmlns="{BASE}"><capabilities><capability>{BASE_1_0}</capability></capabilities></hello>]]>]]>'
NAMES = "ike:ike/ike:proposal/ike:name"
FILTER = '<filter><ike xmlns="urn:ipsec-agent:ike"><proposal><name/></proposal></ike></filter>'
PROPOSAL = (
    '<ike xmlns="urn:ipsec-agent:ike"><proposal><name>{}</name><authentication-method>pre-shared-keys'
    "</authentication-method><authentication-algorithm>md5</authentication-algorithm>"
    "<encryption-algorithm>des-cbc</encryption-algorithm><dh-group>group1</dh-group></proposal></ike>"
)
KEPT = "kept.xml"
LONGEST_SECONDS = 0.02
"""How long the last request of a life is given before the kill: about as long as it takes to write a file."""
BOOT_SECONDS = 60.0

Names = frozenset[str]


class Killed(Exception):
    """The gateway is dead."""


class Life:
    """One life of a gateway, from its boot to its kill, as its only client sees it."""

    def __init__(self, connection: socket.socket, process_id: int) -> None:
        self._connection = connection
        self._process_id = process_id
        self._received = b""
        self.requests_left = 1 << 30
        self.patience = BOOT_SECONDS
        self.was_amid = False
        """Whether it was killed before its last request was answered."""
        self.answered = Answered()
        self._connection.settimeout(BOOT_SECONDS)
        self._next()
        self._connection.sendall(HELLO.encode())

    def ask(self, operation: str) -> etree._Element:
        """Return the answer to an operation. When this is the last one, kill the gateway if it takes too long."""
        if not self.requests_left:
            raise Killed
        self.requests_left -= 1
        try:
            self._connection.sendall(envelope(operation).encode() + END_OF_MESSAGE)
            if not self.requests_left:
                self._connection.settimeout(self.patience)
            answer = etree.fromstring(self._next())
            self.answered.operations.append(re.split("[ />]", operation[1:])[0])
        except (TimeoutError, ConnectionError) as error:
            self.was_amid = True
            self.kill()
            raise Killed from error
        return answer

    def do(self, operation: str, *changes: str) -> None:
        """Have something done, which must be answered with ok; it adds these proposals to what is running."""
        answer = self.ask(operation)
        assert answer.find("nc:ok", NAMESPACES) is not None, etree.tostring(answer)
        self.answered.changes += changes
        if not self.requests_left:
            self.kill()

    def names(self, store: str) -> Names:
        """Return the names of the proposals in a datastore."""
        answer = self.ask(f"<get-config><source><{store}/></source>{FILTER}</get-config>")
        data = answer.find("nc:data", NAMESPACES)
        assert data is not None, etree.tostring(answer)
        return frozenset(texts(data, NAMES))

    def kill(self) -> None:
        """Kill the gateway."""
        os.kill(self._process_id, signal.SIGKILL)
        self._connection.close()

    def _next(self) -> bytes:
        while END_OF_MESSAGE not in self._received:
            piece = self._connection.recv(65_536)
            if not piece:
                raise ConnectionResetError
            self._received += piece
        message, _, self._received = self._received.partition(END_OF_MESSAGE)
        return message


class Killing:
    """A gateway's many lives on one state directory. `number` is what chance begins with."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder / "state"
        self.kills = 0
        self.amid = 0
        """How many kills came before the last request was answered."""
        self.answered = 0
        """How many answers were found in the audit log and in the journal."""
        self.changes = 0
        """How many answered changes were found in the next life."""
        self.unconfirmed = 0
        """How many came while a commit waited to be confirmed."""
        self.locked = 0
        """How many came while a lock was held."""
        self._random = Random(number)
        self._count = 0
        self._address = str(folder / "socket")
        self._possible: set[Names] = set()
        self._filed: set[Names | None] = {None}
        """What may be in the file that a URL names; None for no file."""
        self._keys: dict[str, bytes] = {}
        command = [sys.executable, "-m", "tests.support.mortal", str(self.folder), self._address]
        self._parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Killing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait(10)
        assert self._parent.stdout is not None
        self._parent.stdout.close()

    def live(self) -> None:
        """Boot, find what has to be there, change things, and be killed."""
        with self._born() as life:
            self._find(life)
            life.requests_left, life.patience = self._random.randint(1, 8), self._random.uniform(0, LONGEST_SECONDS)
            with suppress(Killed):
                while True:
                    self._random.choice((self._copy, self._confirmed, self._of_junos, self._file, self._lock))(life)
            self.amid += life.was_amid
        self.kills += 1
        see_audit(audit_lines(self.folder), life.answered)
        see_journal(journal_lines(self.folder), life.answered)
        self.answered += len(life.answered.operations)

    @contextmanager
    def _born(self) -> Iterator[Life]:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        print(file=self._parent.stdin, flush=True)
        process_id = int(self._parent.stdout.readline())
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(BOOT_SECONDS)
            while True:
                try:
                    connection.connect(self._address)
                    break
                except (FileNotFoundError, ConnectionRefusedError):
                    continue
            try:
                yield Life(connection, process_id)
            finally:
                with suppress(ProcessLookupError):
                    os.kill(process_id, signal.SIGKILL)
        assert self._parent.stdout.readline() == "dead\n"

    def _find(self, life: Life) -> None:
        """See that everything is as one of the possible pasts has left it."""
        found = life.names("running")
        assert not self._possible or found in self._possible, (sorted(found), self._possible)
        assert life.names("candidate") == found
        if self._possible:
            assert life.names("startup") == found
        for store in ("running", "candidate"):
            life.do(f"<lock><target><{store}/></target></lock>")
            life.do(f"<unlock><target><{store}/></target></unlock>")
        life.do("<copy-config><target><startup/></target><source><running/></source></copy-config>")
        self._possible = {found}
        self._find_files()
        filed = self._names_in_file()
        assert filed in self._filed, (filed, self._filed)
        self._filed = {filed}

    def _find_files(self) -> None:
        keys = {path.name: path.read_bytes() for path in self.folder.glob("*key*")}
        assert {"ssh_host_ed25519_key", "ssh_host_rsa_key", "sealing-key"} <= keys.keys()
        assert not self._keys or self._keys == keys, "a key has changed"
        self._keys = keys
        assert list(self.folder.glob("*.damaged*")) == []
        assert list(self.folder.glob(".*")) == [], "what was half written is left over"

    def _names_in_file(self) -> Names | None:
        path = self.folder / FOLDER / KEPT
        return frozenset(texts(etree.parse(str(path)).getroot(), NAMES)) if path.exists() else None

    # What is done. Each leaves running and startup alike, or is killed amid.

    def _present(self) -> Names:
        (present,) = self._possible
        return present

    @property
    def _newest(self) -> str:
        return f"p{self._count}"

    def _edit(self, life: Life, store: str) -> Names:
        """Add a proposal to a datastore, and take others away when there are many; return what it has then."""
        self._count += 1
        present, added = self._present(), PROPOSAL.format(self._newest)
        gone = sorted(each for each in present if each.startswith("p"))[:-5]
        taken = "".join(
            f'<proposal xmlns:nc="{BASE}" nc:operation="delete"><name>{each}</name></proposal>' for each in gone
        )
        both = added.replace("</ike>", f"{taken}</ike>")
        changes = (self._newest,) if store == "running" else ()
        life.do(f"<edit-config><target><{store}/></target><config>{both}</config></edit-config>", *changes)
        return present - set(gone) | {self._newest}

    def _keep(self, life: Life, operation: str, after: Names, *changes: str) -> None:
        """Do what makes another configuration the one that is kept."""
        self._possible.add(after)
        life.do(operation, *changes)
        self._possible = {after}
        self.changes += 1

    def _copy(self, life: Life) -> None:
        after = self._edit(life, "running")
        self._keep(life, "<copy-config><target><startup/></target><source><running/></source></copy-config>", after)

    def _of_junos(self, life: Life) -> None:
        after = self._edit(life, "candidate")
        self._keep(life, "<commit-configuration/>", after, self._newest)

    def _file(self, life: Life) -> None:
        """Keep what is running in a file."""
        present = self._present()
        self._filed.add(present)
        life.do(f"<copy-config><target><url>file:///{KEPT}</url></target><source><running/></source></copy-config>")
        self._filed = {present}

    def _confirmed(self, life: Life) -> None:
        """Commit for a while, and confirm it or not: what was not confirmed, and what is not copied, does not stay."""
        after = self._edit(life, "candidate")
        life.do("<commit><confirmed/><persist>later</persist></commit>", self._newest)
        self.unconfirmed += 1  # unless the next request comes through
        chance = self._random.random()
        if chance < 0.2:
            life.kill()
            raise Killed
        if chance < 0.6:
            life.do("<cancel-commit><persist-id>later</persist-id></cancel-commit>")
            self.unconfirmed -= 1
            life.do("<discard-changes/>")
            return
        life.do("<commit><persist-id>later</persist-id></commit>")
        self.unconfirmed -= 1
        self._keep(life, "<copy-config><target><startup/></target><source><running/></source></copy-config>", after)

    def _lock(self, life: Life) -> None:
        """Lock, and mostly unlock again, or else be killed with the lock."""
        life.do("<lock><target><running/></target></lock>")
        if self._random.random() < 0.3:
            self.locked += 1
            life.kill()
            raise Killed
        life.do("<unlock><target><running/></target></unlock>")
