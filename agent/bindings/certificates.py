"""ipsec-agent-certificates: trust anchors in, the certificate database out, and what is imported and deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from agent.bindings.leaves import instant, required
from agent.core import events
from agent.core.config.certificates import CertificatesConfig, TrustAnchor
from agent.core.crypto.x509 import AlternativeName, Revocation
from agent.core.identifiers import EntryId
from agent.core.pki import CertificateDatabase, CertificateEntry, CrlEntry, Refusal, Refused, Totals
from agent.datastore.errors import ErrorType, RpcError, input_path, invalid_value
from agent.datastore.registry import (
    Bindings,
    Caller,
    ChangeBinding,
    ConfigBinding,
    NotificationBinding,
    Output,
    RpcBinding,
    StateContainer,
    StateList,
    Unseal,
    Value,
    snapshot,
)
from agent.datastore.tree import Branch, Key

MODULE: Final = "ipsec-agent-certificates"
ROOT: Final = f"/{MODULE}:certificates"
CERTIFICATE: Final = f"{ROOT}/certificate"
CRL: Final = f"{ROOT}/crl"


_LIMITS: Final = frozenset(
    {Refusal.TOO_MANY_CERTIFICATES, Refusal.CERTIFICATE_TOO_LARGE, Refusal.CRL_TOO_LARGE},
)


class CertificateHolder(Protocol):
    """A gateway, as far as its certificates go."""

    @property
    def certificates(self) -> CertificateDatabase:
        """Its certificate database."""


def build_certificates(branch: Branch, unseal: Unseal) -> CertificatesConfig:
    """Return what the certificate database is configured with."""
    anchors = branch.entries("trust-anchor").values()
    return CertificatesConfig(
        trust_anchors=tuple(TrustAnchor(required(each, "name"), required(each, "certificate")) for each in anchors),
        expiry_warning_days=int(required(branch, "expiry-warning")),
    )


def import_certificate(holder: CertificateHolder, caller: Caller, parameters: Branch) -> Output:
    """Take a certificate in; what is refused says why, with the reason as its app-tag."""
    data = required(parameters, "pem").encode()
    return {"id": _accepted(parameters, "pem", lambda: holder.certificates.import_certificate(data))}


def import_crl(holder: CertificateHolder, caller: Caller, parameters: Branch) -> Output:
    """Take a revocation list in; what is refused says why, with the reason as its app-tag."""
    data = required(parameters, "pem").encode()
    _accepted(parameters, "pem", lambda: holder.certificates.import_crl(data))
    return {}


def delete_certificate(holder: CertificateHolder, caller: Caller, parameters: Branch) -> Output:
    """Mark a certificate as deleted; an unknown one and a locked one are refused."""
    id_ = EntryId(int(required(parameters, "id")))
    _accepted(parameters, "id", lambda: holder.certificates.delete_certificate(id_))
    return {}


def delete_crl(holder: CertificateHolder, caller: Caller, parameters: Branch) -> Output:
    """Remove a revocation list; that of an unknown issuer is refused."""
    issuer = required(parameters, "issuer")
    _accepted(parameters, "issuer", lambda: holder.certificates.delete_crl(issuer))
    return {}


def _accepted(parameters: Branch, leaf: str, request: Callable[[], Value]) -> Value:
    """Return what the database answers; RpcError, at a leaf of the input, for what it refuses."""
    try:
        return request()
    except Refused as refused:
        path = input_path(parameters, leaf)
        if refused.reason in _LIMITS:
            raise RpcError(
                ErrorType.APPLICATION, "resource-denied", str(refused), path=path, app_tag=refused.reason.value
            ) from refused
        raise invalid_value(str(refused), path=path, app_tag=refused.reason.value) from refused


def _certificate_leaves() -> Mapping[str, Callable[[CertificateEntry], Value]]:
    return {
        "id": lambda entry: entry.id,
        "references": lambda entry: entry.references,
        "serial": lambda entry: str(entry.certificate.serial),
        "subject": lambda entry: entry.certificate.subject.text,
        "trusted": lambda entry: entry.distrust is None,
        "not-trusted-reason": lambda entry: entry.distrust.value if entry.distrust is not None else None,
        "root": lambda entry: entry.is_root,
        "crl-issuer": lambda entry: entry.certificate.may_sign_crls,
        "not-before": lambda entry: instant(entry.certificate.not_before),
        "not-after": lambda entry: instant(entry.certificate.not_after),
        "issuer": lambda entry: entry.certificate.issuer.text,
        "deleted": lambda entry: entry.is_deleted,
        "fingerprint": lambda entry: entry.certificate.fingerprint.hex(":"),
        "pem": lambda entry: entry.certificate.pem,
    }


def _find_certificate(holder: CertificateHolder, key: Key) -> CertificateEntry | None:
    return holder.certificates.certificate(EntryId(int(key[0])))


def _find_alternative_name(entry: CertificateEntry, key: Key) -> AlternativeName | None:
    return next((each for each in entry.certificate.alternative_names if (each.type.value, each.value) == key), None)


def _crl_leaves() -> Mapping[str, Callable[[CrlEntry], Value]]:
    return {
        "issuer": lambda entry: entry.crl.issuer.text,
        "id": lambda entry: entry.id,
        "references": lambda entry: entry.references,
        "this-update": lambda entry: instant(entry.crl.this_update),
        "next-update": lambda entry: instant(entry.crl.next_update),
    }


def _names(
    event: events.CertificateExpiring | events.CertificateExpired | events.CertificateRevoked,
) -> dict[str, Value]:
    return {"id": event.id, "serial": str(event.serial), "subject": event.subject}


CERTIFICATES: Final = Bindings(
    module=MODULE,
    configs=(ConfigBinding(ROOT, build_certificates),),
    states=(
        StateContainer[CertificateHolder, Totals](
            f"{ROOT}/database",
            lambda holder: holder.certificates.totals,
            {
                "total-entries": lambda totals: totals.total,
                "active-entries": lambda totals: totals.active,
                "locked-entries": lambda totals: totals.locked,
            },
        ),
        StateList[CertificateHolder, CertificateEntry](
            CERTIFICATE, lambda holder: holder.certificates.certificates(), _find_certificate, _certificate_leaves()
        ),
        StateList[CertificateEntry, AlternativeName](
            f"{CERTIFICATE}/alternative-name",
            lambda entry: entry.certificate.alternative_names,
            _find_alternative_name,
            {"type": lambda name: name.type.value, "value": lambda name: name.value},
        ),
        StateList[CertificateHolder, CrlEntry](
            CRL,
            lambda holder: holder.certificates.crls(),
            lambda holder, key: holder.certificates.crl(key[0]),
            _crl_leaves(),
        ),
        StateList[CrlEntry, Revocation](
            f"{CRL}/revoked",
            lambda entry: snapshot(entry.crl.revoked),
            lambda entry, key: entry.crl.revoked.get(int(key[0])),
            {
                "serial": lambda revocation: str(revocation.serial),
                "revocation-date": lambda revocation: instant(revocation.revoked_at),
                "reason": lambda revocation: revocation.reason.value,
            },
        ),
    ),
    changes=tuple(
        ChangeBinding[Any](path, event)
        for event in (events.CertificateDatabaseChanged, events.CertificateExpired)
        for path in (f"{ROOT}/database", CERTIFICATE, CRL)
    ),
    rpcs=(
        RpcBinding[CertificateHolder](f"/{MODULE}:import-certificate", import_certificate),
        RpcBinding[CertificateHolder](f"/{MODULE}:import-crl", import_crl),
        RpcBinding[CertificateHolder](f"/{MODULE}:delete-certificate", delete_certificate),
        RpcBinding[CertificateHolder](f"/{MODULE}:delete-crl", delete_crl),
    ),
    notifications=(
        NotificationBinding[events.CertificateExpiring](
            f"/{MODULE}:certificate-expiring",
            events.CertificateExpiring,
            lambda event: {**_names(event), "not-after": instant(event.not_after)},
        ),
        NotificationBinding[events.CertificateExpired](
            f"/{MODULE}:certificate-expired",
            events.CertificateExpired,
            lambda event: {**_names(event), "not-after": instant(event.not_after)},
        ),
        NotificationBinding[events.CertificateRevoked](
            f"/{MODULE}:certificate-revoked",
            events.CertificateRevoked,
            lambda event: {
                **_names(event),
                "issuer": event.issuer,
                "reason": event.reason.value,
                "revocation-date": instant(event.revoked_at),
            },
        ),
        NotificationBinding[events.CrlUpdated](
            f"/{MODULE}:crl-updated",
            events.CrlUpdated,
            lambda event: {
                "issuer": event.issuer,
                "id": event.id,
                "this-update": instant(event.this_update),
                "next-update": instant(event.next_update),
            },
        ),
    ),
)
