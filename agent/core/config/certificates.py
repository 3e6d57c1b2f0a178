"""What the certificate database is configured with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """A certificate (PEM) that is trusted because the configuration says so."""

    name: str
    pem: str


@dataclass(frozen=True, slots=True)
class CertificatesConfig:
    """The trust anchors, and how many days before its end a certificate is said to expire soon."""

    trust_anchors: tuple[TrustAnchor, ...] = ()
    expiry_warning_days: int = 30
