"""Certificate revocation lists: which are taken, and which certificates they name (RFC 5280 sections 5 and 6.3).

There is one list for each issuer, and it is complete: delta lists, lists of a part of the certificates and lists for
others than their issuer are refused, since their extensions are critical. Invariant: a list is only ever replaced by a
newer one. One whose next update is overdue still counts: what was revoked does not come back because news are late.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from agent.core.crypto.x509 import (
    Certificate,
    DistinguishedName,
    Revocation,
    RevocationList,
    SignatureCheck,
)
from agent.core.identifiers import EntryId
from agent.core.pki.chain import Distrust, Signatures
from agent.core.pki.refusal import Refusal, Refused


@dataclass(frozen=True, slots=True)
class HeldCrl:
    """A list and the id of its entry, which stays when a newer list takes its place."""

    id: EntryId
    crl: RevocationList


class RevocationLists:
    """The lists that are in force, by their issuers."""

    def __init__(self) -> None:
        self._held: dict[DistinguishedName, HeldCrl] = {}

    def __iter__(self) -> Iterator[HeldCrl]:
        return iter(tuple(self._held.values()))

    def of(self, issuer: DistinguishedName) -> HeldCrl | None:
        """Return the list of an issuer."""
        return self._held.get(issuer)

    def put(self, held: HeldCrl) -> None:
        """Let a list be in force, in place of the one of the same issuer."""
        self._held[held.crl.issuer] = held

    def remove(self, held: HeldCrl) -> None:
        """Let a list no longer be in force."""
        del self._held[held.crl.issuer]

    def revocation(self, certificate: Certificate) -> Revocation | None:
        """Return what the list of a certificate's issuer says of it."""
        held = self._held.get(certificate.issuer)
        return held.crl.revoked.get(certificate.serial) if held is not None else None


def require_current(crl: RevocationList, held: RevocationList | None, now: int) -> None:
    """Raise Refused for a list that is not of this time, that is not newer than the one held, or not understood."""
    of = f"the revocation list of {crl.issuer}"
    if crl.unhandled:
        listed = ", ".join(crl.unhandled)
        raise Refused(Refusal.UNSUPPORTED_CRL, f"{of} has critical extensions that are not supported: {listed}")
    if crl.this_update > now:
        raise Refused(Refusal.NOT_YET_VALID, f"{of} is from a time to come")
    if crl.next_update is not None and crl.next_update < now:
        raise Refused(Refusal.STALE, f"{of} is out of date: its successor is due already")
    if held is None:
        return
    if held.fingerprint == crl.fingerprint:
        raise Refused(Refusal.DUPLICATE, f"{of} is in the database already")
    if not _is_newer(crl, held):
        raise Refused(Refusal.STALE, f"{of} is not newer than the one in the database")


def require_issuer(
    crl: RevocationList,
    namesakes: Iterable[Certificate],
    signatures: Signatures,
    distrust: Callable[[Certificate], Distrust | None],
) -> None:
    """Raise Refused unless one certificate of the issuer's name signed the list, may do so, and is trusted."""
    checks = {each: signatures.check(crl, each) for each in namesakes}
    if not checks:
        raise Refused(Refusal.UNKNOWN_ISSUER, f"no certificate of the list's issuer, {crl.issuer}, is in the database")
    signers = [each for each, check in checks.items() if check is SignatureCheck.GOOD]
    if not signers:
        raise Refused(*bad_signature(checks.values(), f"the revocation list of {crl.issuer}"))
    issuers = [each for each in signers if each.may_sign_crls]
    if not issuers:
        raise Refused(Refusal.NOT_CRL_ISSUER, f"{crl.issuer} is no CRL issuer: its key usage does not allow it")
    reasons = [distrust(each) for each in issuers]
    if None not in reasons:
        listed = ", ".join(reason.value for reason in reasons if reason is not None)
        raise Refused(
            Refusal.UNTRUSTED_ISSUER, f"the issuer of the revocation list, {crl.issuer}, is not trusted: {listed}"
        )


def bad_signature(checks: Iterable[SignatureCheck], what: str) -> tuple[Refusal, str]:
    """Return what to say of a signature that nobody of the issuer's name is known to have made."""
    if SignatureCheck.UNSUPPORTED in checks:
        return Refusal.UNSUPPORTED_SIGNATURE, f"{what} is signed in a way that is not supported, as MD5 is not"
    return Refusal.BAD_SIGNATURE, f"the signature of {what} is wrong: its issuer did not make it"


def _is_newer(crl: RevocationList, held: RevocationList) -> bool:
    if crl.number is not None and held.number is not None:
        return crl.number > held.number and crl.this_update >= held.this_update
    return crl.this_update > held.this_update
