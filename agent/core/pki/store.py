"""The certificate database: what is in it, how it gets there and how it leaves.

Entries come by import or as trust anchors of the configuration; the latter are locked: nothing but the configuration
takes them away. An entry is marked as deleted first: it counts in the total, no longer among the active, and no path
leads over it. It is removed at the next purge that finds it without references. What refers to a certificate are the
trust anchors that name it and the revocation list that it signed; to a list, the certificates that it judges. Expired
entries stay until somebody deletes them.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from agent.core.config.certificates import CertificatesConfig
from agent.core.crypto.x509 import (
    Certificate,
    DistinguishedName,
    MalformedX509,
    Revocation,
    SignatureCheck,
    decode_certificate,
    decode_crl,
)
from agent.core.events import CertificateDatabaseChanged, CertificateRevoked, CrlUpdated
from agent.core.identifiers import EntryId
from agent.core.pki.chain import Paths, Signatures
from agent.core.pki.crl import HeldCrl, RevocationLists, bad_signature, require_current, require_issuer
from agent.core.pki.expiry import ExpiryWatch
from agent.core.pki.limits import CERTIFICATE_LIMITS
from agent.core.pki.record import CertificateEntry, CrlEntry, Record, Records, Totals
from agent.core.pki.refusal import Refusal, Refused
from agent.core.pki.state import DatabaseState, KeptCertificate, KeptCrl
from agent.core.world import SECOND, Bus, Timer, World

PURGE_INTERVAL_US: Final = 60 * SECOND
"""How long an entry is at least shown as deleted before it is removed."""

T = TypeVar("T")


class CertificateDatabase:
    """The certificates and revocation lists of one device. Every refusal is a Refused, and has changed nothing."""

    def __init__(self, world: World, bus: Bus) -> None:
        self.limits = CERTIFICATE_LIMITS
        self.on_limit_met: Callable[[Refusal], object] = lambda refusal: None
        """Is told of everything that is refused because of a limit."""
        self._world = world
        self._bus = bus
        self._records = Records()
        self._crls = RevocationLists()
        self._signatures = Signatures()
        self._paths = Paths(self, self._signatures)
        self._expiry = ExpiryWatch(world, bus, CertificatesConfig().expiry_warning_days)
        self._next_id = EntryId(1)
        self._former_ids: dict[bytes, EntryId] = {}
        self._purge: Timer | None = None

    # What is in it.

    @property
    def totals(self) -> Totals:
        """The totals of the database; revocation lists are not counted."""
        records = tuple(self._records)
        active = sum(not each.is_deleted for each in records)
        return Totals(len(records), active, sum(bool(each.anchors) for each in records))

    def certificates(self) -> Iterator[CertificateEntry]:
        """Iterate over the certificates, as each is when its turn comes; those that went meanwhile are left out."""
        for record in self._records:
            if self._records.get(record.id) is record:
                yield self._entry(record)

    def certificate(self, id_: EntryId) -> CertificateEntry | None:
        """Return the certificate of an id."""
        record = self._records.get(id_)
        return self._entry(record) if record is not None else None

    def with_serial(self, serial: int) -> tuple[CertificateEntry, ...]:
        """Return the certificates of a serial number, which is unique for each issuer alone."""
        return tuple(self._entry(each) for each in self._records if each.certificate.serial == serial)

    def crls(self) -> Iterator[CrlEntry]:
        """Iterate over the revocation lists."""
        return map(self._crl_entry, self._crls)

    def crl(self, issuer: str) -> CrlEntry | None:
        """Return the revocation list of an issuer, whose name is given as it is shown."""
        return next((self._crl_entry(each) for each in self._crls if each.crl.issuer.text == issuer), None)

    def _entry(self, record: Record) -> CertificateEntry:
        return CertificateEntry(
            id=record.id,
            certificate=record.certificate,
            references=self._references(record),
            distrust=self._paths.distrust(record.certificate, self._world.now),
            is_root=bool(record.anchors),
            is_deleted=record.is_deleted,
        )

    def _crl_entry(self, held: HeldCrl) -> CrlEntry:
        judged = sum(each.certificate.issuer == held.crl.issuer and not each.anchors for each in self._records)
        return CrlEntry(held.id, held.crl, judged)

    def _references(self, record: Record) -> int:
        held = self._crls.of(record.certificate.subject)
        has_signed = held is not None and self._signatures.check(held.crl, record.certificate) is SignatureCheck.GOOD
        return len(record.anchors) + has_signed

    # What paths are made of: satisfies chain.Pool.

    def issuers(self, name: DistinguishedName) -> list[Certificate]:
        """Return the certificates that a path may lead over, by their subject."""
        return [each.certificate for each in self._records.named(name) if not each.is_deleted]

    def is_anchor(self, certificate: Certificate) -> bool:
        """Whether a certificate is a trust anchor of the configuration."""
        record = self._records.of(certificate)
        return record is not None and bool(record.anchors)

    def revocation(self, certificate: Certificate) -> Revocation | None:
        """Return what the issuer's revocation list says of a certificate; the configuration stands above it."""
        return None if self.is_anchor(certificate) else self._crls.revocation(certificate)

    # How entries come.

    def check(self, config: CertificatesConfig) -> dict[str, Certificate]:
        """Return the trust anchors of a configuration by their names; Refused for what cannot be one."""
        return {each.name: self._anchor(each.name, each.pem) for each in config.trust_anchors}

    def configure(self, config: CertificatesConfig) -> None:
        """Have the trust anchors of a configuration and no others from now on. Raises what `check` does."""
        names: dict[EntryId, set[str]] = {}
        for name, certificate in self.check(config).items():
            names.setdefault(self._recorded(certificate).id, set()).add(name)
        self._expiry.set_warning_days(config.expiry_warning_days)
        changes = [self._hold(each, anchors=frozenset(names.get(each.id, ()))) for each in self._records]
        if any(changes):
            self._on_changed()

    def import_certificate(self, data: bytes) -> EntryId:
        """Take in a certificate (DER or PEM) that one of the database has signed, and return its id.

        One that is marked as deleted is taken back with the id it had.
        """
        self._require_small(data, self.limits.certificate_octets, Refusal.CERTIFICATE_TOO_LARGE)
        certificate = _decoded(decode_certificate, data)
        known = self._records.of(certificate)
        if known is not None and not known.is_deleted:
            raise Refused(Refusal.DUPLICATE, f"the certificate is in the database already, with the ID {known.id}")
        if known is None and len(self._records) >= self.limits.certificates:
            raise self._over(
                Refusal.TOO_MANY_CERTIFICATES, f"there are {len(self._records)} certificates: no more are imported"
            )
        self._require_issuer(certificate)
        record = self._recorded(certificate)
        self._hold(record, is_imported=True)
        self._on_changed()
        return record.id

    def import_crl(self, data: bytes) -> EntryId:
        """Take in a revocation list (DER or PEM), in place of an older one of its issuer, and return its id."""
        self._require_small(data, self.limits.crl_octets, Refusal.CRL_TOO_LARGE)
        crl = _decoded(decode_crl, data)
        held, now = self._crls.of(crl.issuer), self._world.now
        require_issuer(
            crl, self.issuers(crl.issuer), self._signatures, lambda issuer: self._paths.distrust(issuer, now)
        )
        require_current(crl, held.crl if held is not None else None, now)
        id_ = held.id if held is not None else self._new_id()
        self._crls.put(HeldCrl(id_, crl))
        self._bus.publish(CrlUpdated(now, id_, crl.issuer.text, crl.this_update, crl.next_update))
        self._on_changed()
        return id_

    def _require_small(self, data: bytes, octets: int, otherwise: Refusal) -> None:
        if len(data) > octets:
            raise self._over(otherwise, f"it has more than {octets} octets")

    def _over(self, limit: Refusal, message: str) -> Refused:
        self.on_limit_met(limit)
        return Refused(limit, message)

    def _anchor(self, name: str, pem: str) -> Certificate:
        try:
            certificate = _decoded(decode_certificate, pem.encode())
        except Refused as refused:
            raise Refused(refused.reason, f"trust anchor {name}: {refused}") from refused
        is_own = certificate.subject == certificate.issuer
        if is_own and self._signatures.check(certificate, certificate) is SignatureCheck.BAD:
            raise Refused(Refusal.BAD_SIGNATURE, f"trust anchor {name}: its own signature is wrong")
        return certificate

    def _require_issuer(self, certificate: Certificate) -> None:
        issuer = certificate.issuer
        checks = [self._signatures.check(certificate, each) for each in self.issuers(issuer)]
        if SignatureCheck.GOOD in checks:
            return
        if checks:
            raise Refused(*bad_signature(checks, f"the certificate of {certificate.subject}"))
        if certificate.subject == issuer:
            message = f"{issuer} has signed this certificate itself: such a one is only trusted as a trust anchor"
        else:
            message = f"no certificate of the issuer, {issuer}, is in the database"
        raise Refused(Refusal.UNKNOWN_ISSUER, message)

    def _recorded(self, certificate: Certificate) -> Record:
        """Return the entry of a certificate, a new one that nothing holds when there was none."""
        record = self._records.of(certificate)
        if record is None:
            former_id = self._former_ids.pop(certificate.fingerprint, None)
            record = Record(former_id if former_id is not None else self._new_id(), certificate)
            self._records.add(record)
        return record

    def _new_id(self) -> EntryId:
        id_ = self._next_id
        self._next_id = EntryId(id_ + 1)
        return id_

    # How they leave.

    def delete_certificate(self, id_: EntryId) -> None:
        """Mark a certificate as deleted; a second time does nothing."""
        record = self._records.get(id_)
        if record is None:
            raise Refused(Refusal.UNKNOWN_CERTIFICATE, f"there is no certificate with the ID {id_}")
        if record.anchors:
            names = ", ".join(sorted(record.anchors))
            raise Refused(Refusal.LOCKED, f"certificate {id_} is locked: the configuration has it as {names}")
        if self._hold(record, is_imported=False):
            self._on_changed()

    def delete_crl(self, issuer: str) -> None:
        """Remove the revocation list of an issuer: what it revoked is judged without it from now on."""
        entry = self.crl(issuer)
        if entry is None:
            raise Refused(Refusal.UNKNOWN_CRL, f"there is no revocation list of {issuer}")
        self._crls.remove(HeldCrl(entry.id, entry.crl))
        self._on_changed()

    def _hold(self, record: Record, *, is_imported: bool | None = None, anchors: frozenset[str] | None = None) -> bool:
        """Change what holds an entry; the answer is whether anything has changed."""
        before, was_deleted = (record.is_imported, record.anchors), record.is_deleted
        record.is_imported = record.is_imported if is_imported is None else is_imported
        record.anchors = record.anchors if anchors is None else anchors
        if was_deleted and not record.is_deleted:
            self._expiry.watch(record.id, record.certificate)
        elif record.is_deleted and not was_deleted:
            self._expiry.forget(record.id)
        return before != (record.is_imported, record.anchors)

    def _on_changed(self) -> None:
        self._tell_revocations()
        if self._purge is None and any(each.is_deleted for each in self._records):
            self._purge = self._world.call_later(PURGE_INTERVAL_US, self._on_purge)
        self._bus.publish(CertificateDatabaseChanged(self._world.now))

    def _on_purge(self) -> None:
        """Remove what is marked as deleted and not referred to; what still is waits for the next change."""
        self._purge = None
        gone = [each for each in self._records if each.is_deleted and not self._references(each)]
        for record in gone:
            self._records.remove(record)
        if gone:
            self._signatures.forget()
            self._bus.publish(CertificateDatabaseChanged(self._world.now))

    def _tell_revocations(self) -> None:
        """Tell of each active certificate that has come to be revoked, once."""
        for record in self._records:
            revocation = None if record.is_deleted else self.revocation(record.certificate)
            if revocation is not None and not record.is_revocation_told:
                self._bus.publish(self._revoked(record, revocation))
            record.is_revocation_told = revocation is not None

    def _revoked(self, record: Record, revocation: Revocation) -> CertificateRevoked:
        return CertificateRevoked(
            at=self._world.now,
            id=record.id,
            serial=record.certificate.serial,
            subject=record.certificate.subject.text,
            issuer=record.certificate.issuer.text,
            reason=revocation.reason,
            revoked_at=revocation.revoked_at,
        )

    # What is kept over a restart.

    def export(self) -> DatabaseState:
        """Return what a new database has to know to go on as this one."""
        active = (each for each in self._records if not each.is_deleted)
        return DatabaseState(
            self._next_id,
            tuple(KeptCertificate(each.id, each.certificate.der, each.is_imported) for each in active),
            tuple(KeptCrl(each.id, each.crl.der) for each in self._crls),
        )

    def restore(self, state: DatabaseState) -> None:
        """Go on as the database that a state was taken of, before anything else; issuers are not asked for again.

        Raises ValueError when something is in the database already or two IDs are the same, Refused for what is no
        certificate.
        """
        if len(self._records) or any(self._crls):
            raise ValueError("only an empty certificate database can be restored")
        certificates = [(each, _decoded(decode_certificate, each.data)) for each in state.certificates]
        crls = [HeldCrl(each.id, _decoded(decode_crl, each.data)) for each in state.crls]
        ids = [*(each.id for each in state.certificates), *(each.id for each in state.crls)]
        if len(set(ids)) < len(ids):
            raise ValueError("two entries of a certificate database have the same ID")
        self._next_id = EntryId(max((state.next_id, *(id_ + 1 for id_ in ids), self._next_id)))
        for kept, certificate in certificates:
            self._former_ids[certificate.fingerprint] = kept.id
            if kept.is_imported:
                self._hold(self._recorded(certificate), is_imported=True)
        for held in crls:
            self._crls.put(held)


def _decoded(decode: Callable[[bytes], T], data: bytes) -> T:
    try:
        return decode(data)
    except MalformedX509 as error:
        raise Refused(Refusal.BAD_PEM, str(error)) from error
