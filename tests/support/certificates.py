"""Certificates for tests: those that openssl made, and a database for them at their date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from agent.core.config.certificates import CertificatesConfig, TrustAnchor
from agent.core.identifiers import EntryId
from agent.core.pki import (
    CertificateDatabase,
    CertificateEntry,
    DatabaseState,
    KeptCertificate,
    Refusal,
    Refused,
)
from agent.core.world import SECOND, Event, World

VECTORS = Path(__file__).parents[1] / "vectors" / "pki"
SCENARIOS = Path(__file__).parents[2] / "agent" / "scenarios"
ROOT_NAME = "C=FI, O=Vectors, CN=Root"
MARCH = "2003-03-15T00:00:00Z"
"""When the vectors are valid, and the first two revocation lists are in force."""
EventType = TypeVar("EventType")


def instant(text: str) -> int:
    """Return device time in microseconds."""
    return round(datetime.fromisoformat(text).timestamp() * SECOND)


def vector(name: str) -> bytes:
    """Return a file that openssl made, PEM unless the name says otherwise."""
    return (VECTORS / (name if "." in name else f"{name}.pem")).read_bytes()


def shipped(name: str) -> bytes:
    """Return a file of the shipped scenarios."""
    return (SCENARIOS / name).read_bytes()


def anchors(*names: str) -> CertificatesConfig:
    """Return a configuration that trusts some vectors, each under its own name."""
    return CertificatesConfig(tuple(TrustAnchor(name, vector(name).decode()) for name in names))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `openssl verify` says of a certificate."""

    certificate: str
    anchor: str
    at: int
    crl: str | None
    between: tuple[str, ...]
    text: str


def verdicts() -> Iterator[Verdict]:
    """Iterate over the verdicts of openssl."""
    for line in (VECTORS / "verdicts.txt").read_text("utf-8").splitlines():
        certificate, anchor, at, crl, between, text = line.split("|")
        yield Verdict(certificate, anchor, instant(at), None if crl == "-" else crl, tuple(between.split()), text)


@dataclass
class Store:
    """A database in a world of its own, with everything that it tells."""

    at: str = MARCH
    world: World = field(init=False)
    database: CertificateDatabase = field(init=False)
    events: list[Event] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.world = World(now=instant(self.at), seed=7)
        self.world.bus.subscribe(self.events.append)
        self.database = CertificateDatabase(self.world, self.world.bus)

    def told(self, kind: type[EventType]) -> list[EventType]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def trust(self, *names: str) -> None:
        """Configure vectors as the trust anchors."""
        self.database.configure(anchors(*names))

    def take(self, *names: str) -> CertificateEntry:
        """Import vectors, one after the other, and return the last."""
        ids = [self.database.import_certificate(vector(name)) for name in names]
        entry = self.database.certificate(ids[-1])
        assert entry is not None
        return entry

    def entry(self, id_: int) -> CertificateEntry:
        """Return an entry that is there."""
        found = [entry for entry in self.database.certificates() if entry.id == id_]
        assert len(found) == 1
        return found[0]

    def go_to(self, at: str) -> None:
        """Let time pass."""
        self.world.advance(instant(at))

    def refusal(self, data: bytes) -> tuple[Refusal, str]:
        """Import something that is refused, a revocation list by its looks, and say why; nothing may have changed."""
        before = self.database.export(), self.database.totals, list(self.events)
        take = self.database.import_crl if b" CRL-" in data else self.database.import_certificate
        try:
            take(data)
        except Refused as refused:
            assert (self.database.export(), self.database.totals, self.events) == before
            return refused.reason, str(refused)
        raise AssertionError("it was not refused")


def chapter_store() -> Store:
    """Return the database of the chapter's samples, with the ids that it shows."""
    store = Store("2003-03-10T12:00:00Z")
    root = shipped("chapter-root.pem")
    store.database.restore(
        DatabaseState(
            certificates=(
                KeptCertificate(EntryId(1), root, is_imported=False),
                KeptCertificate(EntryId(4), shipped("chapter-22315496.pem")),
                KeptCertificate(EntryId(5), shipped("chapter-22314868.pem")),
            )
        )
    )
    store.database.configure(CertificatesConfig((TrustAnchor("root", root.decode()),)))
    return store
