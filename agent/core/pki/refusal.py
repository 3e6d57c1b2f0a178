"""What the certificate database refuses, and why. The values are the app-tags that clients see."""

from enum import Enum


class Refusal(Enum):
    """Why something was refused."""

    BAD_PEM = "bad-pem"
    DUPLICATE = "duplicate"
    UNKNOWN_ISSUER = "unknown-issuer"
    BAD_SIGNATURE = "bad-signature"
    UNSUPPORTED_SIGNATURE = "unsupported-signature"
    UNSUPPORTED_CRL = "unsupported-crl"
    NOT_CRL_ISSUER = "not-crl-issuer"
    UNTRUSTED_ISSUER = "untrusted-issuer"
    NOT_YET_VALID = "not-yet-valid"
    STALE = "stale"
    LOCKED = "locked"
    UNKNOWN_CERTIFICATE = "unknown-certificate"
    UNKNOWN_CRL = "unknown-crl"
    TOO_MANY_CERTIFICATES = "too-many-certificates"
    CERTIFICATE_TOO_LARGE = "certificate-too-large"
    CRL_TOO_LARGE = "crl-too-large"


class Refused(ValueError):
    """The database was left as it was; the message says why, for a person."""

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason = reason
