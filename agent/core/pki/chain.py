"""The path from a certificate to a trust anchor, judged at a device time (RFC 5280 section 6).

A certificate is trusted when one path stands: each certificate on it is valid at that time and not revoked, each issuer
is a CA that may sign certificates and has signed the one before, and the last is a trust anchor. Name constraints and
policies are not processed, so a certificate that makes them critical is not trusted. The validity of the anchor counts
too: the chapter calls a certificate trusted that has passed the validity checks.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final, Protocol

from agent.core.crypto.x509 import (
    Certificate,
    DistinguishedName,
    Revocation,
    RevocationList,
    SignatureCheck,
    check_signature,
)
from agent.core.world import SECOND

_LONGEST_PATH: Final = 10
"""Certificates on a path: what bounds the search through cross-certificates."""
_MOST_KNOWN: Final = 10_000


class Distrust(Enum):
    """Why a certificate is not trusted; of several paths, the one that fails for what stands first here counts."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    UNHANDLED_EXTENSION = "unhandled-extension"
    PATH_TOO_LONG = "path-too-long"
    ISSUER_NOT_A_CA = "issuer-not-a-ca"
    UNSUPPORTED_SIGNATURE = "unsupported-signature"
    NO_TRUST_ANCHOR = "no-trust-anchor"


_NEAREST_FIRST: Final = tuple(Distrust)


class Pool(Protocol):
    """What paths are made of."""

    def issuers(self, name: DistinguishedName) -> Iterable[Certificate]:
        """Return the certificates whose subject has this name."""

    def is_anchor(self, certificate: Certificate) -> bool:
        """Whether a certificate is trusted by itself."""

    def revocation(self, certificate: Certificate) -> Revocation | None:
        """Return what its issuer's revocation list says of a certificate."""


class Signatures:
    """Verifies each signature once: neither certificates nor lists change."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes], SignatureCheck] = {}

    def check(self, signed: Certificate | RevocationList, issuer: Certificate) -> SignatureCheck:
        """Say whether the key of `issuer` made a signature."""
        pair = signed.fingerprint, issuer.fingerprint
        if pair not in self._known:
            if len(self._known) >= _MOST_KNOWN:  # Of certificates that were refused, nobody says that they are gone.
                self.forget()
            self._known[pair] = check_signature(signed, issuer)
        return self._known[pair]

    def forget(self) -> None:
        """Let go of what was verified, as certificates leave."""
        self._known.clear()


class Paths:
    """Judges certificates by the paths that a pool has for them."""

    def __init__(self, pool: Pool, signatures: Signatures) -> None:
        self._pool = pool
        self._check = signatures.check

    def distrust(self, certificate: Certificate, now: int) -> Distrust | None:
        """Return why a certificate is not trusted at a device time, None when it is."""
        return self._distrust(certificate, (), now)

    def _distrust(self, certificate: Certificate, below: tuple[Certificate, ...], now: int) -> Distrust | None:
        own = self._own_distrust(certificate, now)
        if own is not None or self._pool.is_anchor(certificate):
            return own
        path = (*below, certificate)
        reasons = []
        for issuer in self._issuers(path):
            reason = self._step_distrust(issuer, path) or self._distrust(issuer, path, now)
            if reason is None:
                return None
            reasons.append(reason)
        return min(reasons, key=_NEAREST_FIRST.index, default=Distrust.NO_TRUST_ANCHOR)

    def _own_distrust(self, certificate: Certificate, now: int) -> Distrust | None:
        if self._pool.revocation(certificate) is not None:
            return Distrust.REVOKED
        if now >= end_of_validity(certificate):
            return Distrust.EXPIRED
        if now < certificate.not_before:
            return Distrust.NOT_YET_VALID
        return Distrust.UNHANDLED_EXTENSION if certificate.unhandled else None

    def _issuers(self, path: tuple[Certificate, ...]) -> Iterator[Certificate]:
        """Iterate over those who may have signed the last of a path; none of them stands on the path already."""
        if len(path) < _LONGEST_PATH:
            for issuer in self._pool.issuers(path[-1].issuer):
                if issuer not in path and self._check(path[-1], issuer) is not SignatureCheck.BAD:
                    yield issuer

    def _step_distrust(self, issuer: Certificate, path: tuple[Certificate, ...]) -> Distrust | None:
        """Say why `issuer` cannot vouch for the last of a path."""
        if self._check(path[-1], issuer) is SignatureCheck.UNSUPPORTED:
            return Distrust.UNSUPPORTED_SIGNATURE
        # An anchor of version 1 has no basic constraints; the configuration vouches for it (section 6.1.1).
        is_ca = issuer.is_ca if issuer.is_ca is not None else self._pool.is_anchor(issuer)
        if not is_ca or not issuer.may_sign_certificates:
            return Distrust.ISSUER_NOT_A_CA
        between = sum(each.subject != each.issuer for each in path[1:])
        too_long = issuer.path_length is not None and between > issuer.path_length
        return Distrust.PATH_TOO_LONG if too_long else None


def end_of_validity(certificate: Certificate) -> int:
    """Return the first microsecond after the validity: the second that notAfter names is the last of it (4.1.2.5)."""
    return certificate.not_after + SECOND
