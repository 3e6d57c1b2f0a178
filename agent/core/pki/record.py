"""The entries that the certificate database keeps, the ways to find them, and how they are shown.

Invariant: an entry is held by an import, by trust anchors of the configuration, or by both. One that nothing holds is
in the process of being deleted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from agent.core.crypto.x509 import Certificate, DistinguishedName, RevocationList
from agent.core.identifiers import EntryId
from agent.core.pki.chain import Distrust


@dataclass(slots=True)
class Record:
    """One certificate, the names of the trust anchors that are it, and whether it was imported."""

    id: EntryId
    certificate: Certificate
    is_imported: bool = False
    anchors: frozenset[str] = frozenset()
    is_revocation_told: bool = False

    @property
    def is_deleted(self) -> bool:
        """Whether nothing holds it any more."""
        return not self.is_imported and not self.anchors


@dataclass(frozen=True, slots=True)
class CertificateEntry:
    """A certificate as the database shows it at one moment; `distrust` is None when it is trusted."""

    id: EntryId
    certificate: Certificate
    references: int
    distrust: Distrust | None
    is_root: bool
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class CrlEntry:
    """A revocation list as the database shows it at one moment."""

    id: EntryId
    crl: RevocationList
    references: int


@dataclass(frozen=True, slots=True)
class Totals:
    """How many certificates there are: all, those that are not marked as deleted, and those that are locked."""

    total: int
    active: int
    locked: int


class Records:
    """All entries, in the order of their ids."""

    def __init__(self) -> None:
        self._by_id: dict[EntryId, Record] = {}
        self._by_fingerprint: dict[bytes, Record] = {}
        self._by_subject: dict[DistinguishedName, dict[EntryId, Record]] = {}

    def __iter__(self) -> Iterator[Record]:
        """Iterate over those that are there now, whatever comes or goes meanwhile."""
        return iter([self._by_id[id_] for id_ in sorted(self._by_id)])

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, record: Record) -> None:
        """Take a new entry in."""
        self._by_id[record.id] = record
        self._by_fingerprint[record.certificate.fingerprint] = record
        self._by_subject.setdefault(record.certificate.subject, {})[record.id] = record

    def remove(self, record: Record) -> None:
        """Let an entry go."""
        del self._by_id[record.id]
        del self._by_fingerprint[record.certificate.fingerprint]
        namesakes = self._by_subject[record.certificate.subject]
        del namesakes[record.id]
        if not namesakes:
            del self._by_subject[record.certificate.subject]

    def get(self, id_: EntryId) -> Record | None:
        """Return the entry of an id."""
        return self._by_id.get(id_)

    def of(self, certificate: Certificate) -> Record | None:
        """Return the entry of a certificate."""
        return self._by_fingerprint.get(certificate.fingerprint)

    def named(self, subject: DistinguishedName) -> tuple[Record, ...]:
        """Return the entries whose subject has a name."""
        return tuple(self._by_subject.get(subject, {}).values())
