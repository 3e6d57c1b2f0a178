"""The certificates and revocation lists of a scenario: read from files, or made to fit its date."""

from __future__ import annotations

from collections.abc import Callable

from agent.app.document import Section
from agent.app.scenario.sources import Sources
from agent.app.scenario.values import days, entry_id
from agent.core.crypto.issuing import CrlTemplate, RevokedSerial, Template, issue, issue_crl
from agent.core.crypto.x509 import AlternativeName, AlternativeNameType
from agent.core.events import RevocationReason
from agent.core.identifiers import EntryId
from agent.core.pki import DatabaseState, KeptCertificate

REASONS = f"one of {', '.join(reason.value for reason in RevocationReason)}"


def read_certificates(root: Section, sources: Sources, start: int) -> DatabaseState:
    """Return what is in the certificate database from the start; of a trust anchor only its id is given here."""
    sections = root.sections("certificates")
    return DatabaseState(certificates=tuple(_certificate(each, sources, start) for each in sections))


def read_crl(section: Section, sources: Sources, start: int) -> str:
    """Make a revocation list (PEM) that is of the scenario's start."""
    template = CrlTemplate(
        issuer=section.text("issuer"),
        this_update=start,
        next_update=start + section.read("valid-for-days", days, "a number of days"),
        revoked=tuple(_revoked(each, start) for each in section.sections("revoked")),
    )
    key = sources.octets(section, "issuer-key")
    section.finish()
    return _made(section, lambda: issue_crl(template, key))


def _certificate(section: Section, sources: Sources, start: int) -> KeptCertificate:
    id_ = EntryId(section.read("id", entry_id, "a number from 1 to 4294967295"))
    origin = section.read("origin", ("imported", "trust-anchor").index, "'imported' or 'trust-anchor'", 0)
    if "issue" in section:
        octets = _issued(section.section("issue"), sources, start)
    else:
        octets = sources.octets(section, "file")
    section.finish()
    return KeptCertificate(id_, octets, is_imported=origin == 0)


def _issued(section: Section, sources: Sources, start: int) -> bytes:
    """Make a certificate that fits the date of the scenario, which one in a file cannot if that date is today."""
    template = Template(
        serial=section.read("serial", int, "a number"),
        subject=section.text("subject"),
        issuer=section.text("issuer"),
        not_before=start - section.read("valid-since-days", days, "a number of days"),
        not_after=start + section.read("valid-for-days", days, "a number of days"),
        alternative_names=(AlternativeName(AlternativeNameType.DNS_NAME, section.text("dns-name")),),
    )
    subject_key = sources.octets(section, "key")
    issuer_key = sources.octets(section, "issuer-key")
    section.finish()
    return _made(section, lambda: issue(template, subject_key, issuer_key)).encode()


def _revoked(section: Section, start: int) -> RevokedSerial:
    reason = section.read("reason", RevocationReason, REASONS, RevocationReason.UNSPECIFIED)
    revoked = RevokedSerial(section.read("serial", int, "a number"), start, reason)
    section.finish()
    return revoked


def _made(section: Section, make: Callable[[], str]) -> str:
    try:
        return make()
    except ValueError as error:
        raise section.error(str(error)) from error
