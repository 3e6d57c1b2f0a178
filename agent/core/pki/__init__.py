"""The certificate database: X.509 certificates and revocation lists, judged at device time (RFC 5280)."""

from agent.core.pki.chain import Distrust
from agent.core.pki.limits import CertificateLimits
from agent.core.pki.record import CertificateEntry, CrlEntry, Totals
from agent.core.pki.refusal import Refusal, Refused
from agent.core.pki.state import DatabaseState, KeptCertificate, KeptCrl
from agent.core.pki.store import CertificateDatabase

__all__ = [
    "CertificateDatabase",
    "CertificateEntry",
    "CertificateLimits",
    "CrlEntry",
    "DatabaseState",
    "Distrust",
    "KeptCertificate",
    "KeptCrl",
    "Refusal",
    "Refused",
    "Totals",
]
