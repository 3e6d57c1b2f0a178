"""ipsec-agent-certificates: what is configured and imported reaches the database, and the database is what is shown."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from agent.bindings.certificates import CERTIFICATES, ROOT, build_certificates
from agent.core.config.certificates import CertificatesConfig, TrustAnchor
from agent.core.crypto.x509 import AlternativeNameType
from agent.core.events import (
    CertificateExpired,
    CertificateExpiring,
    CertificateRevoked,
    CrlUpdated,
    RevocationReason,
)
from agent.core.identifiers import EntryId
from agent.core.pki import CertificateLimits, Distrust, Refusal
from agent.core.pki.store import PURGE_INTERVAL_US
from agent.core.world import Event
from agent.datastore.edit import parse_configuration
from agent.datastore.errors import RpcError
from agent.datastore.output import render_notification
from agent.datastore.schema import Access, SchemaNode
from agent.datastore.tree import Branch, find
from tests.support.certificate_server import NAMESPACE, Gateway, anchor_xml, registry
from tests.support.certificates import ROOT_NAME, instant, vector
from tests.support.netconf_wire import NAMESPACES, error

SERIAL = str(2**159 - 1)


def texts(element: etree._Element, path: str) -> list[str]:
    """Return the texts at a path, whose names are those of the module."""
    found = element.findall(path, {**NAMESPACES, "": NAMESPACE})
    return [str(each.text or "") for each in found]


def certificates(content: str = "") -> str:
    """Return a subtree filter."""
    return f'<certificates xmlns="{NAMESPACE}">{content}</certificates>'


def operation(name: str, leaf: str, value: str) -> str:
    """Return an operation with one input leaf."""
    return f'<{name} xmlns="{NAMESPACE}"><{leaf}>{escape(value)}</{leaf}></{name}>'


def built(xml: str) -> CertificatesConfig:
    """Return what the binding builds of a configuration."""
    root = parse_configuration(registry().schema, etree.fromstring(f"<config>{xml}</config>"))
    branch = find(registry().schema, root, ROOT) or Branch(registry().schema.node(ROOT))
    return build_certificates(branch, lambda node, value: value)


def test_a_configuration_has_its_anchors_and_the_default_warning() -> None:
    config = built(anchor_xml(root=vector("root"), other=vector("ec-root")))
    assert config == CertificatesConfig(
        (TrustAnchor("root", vector("root").decode()), TrustAnchor("other", vector("ec-root").decode())), 30
    )


def test_an_empty_configuration_has_the_defaults_of_core() -> None:
    assert built("") == CertificatesConfig()


def test_the_days_of_the_warning_are_configured() -> None:
    assert built(certificates("<expiry-warning>7</expiry-warning>")) == CertificatesConfig(expiry_warning_days=7)


def test_a_certificate_is_shown_with_all_its_fields() -> None:
    gateway = Gateway()
    gateway.store.take("leaf")
    data = gateway.connect().get(certificates(f"<certificate><serial>{SERIAL}</serial></certificate>"))
    (entry,) = data.findall(f"{{{NAMESPACE}}}certificates/{{{NAMESPACE}}}certificate")
    shown = [(etree.QName(each).localname, each.text) for each in entry if len(each) == 0]
    assert shown == [
        ("id", "2"),
        ("references", "0"),
        ("serial", SERIAL),
        ("subject", "C=us, O=x, CN=leaf, emailAddress=leaf@example.com"),
        ("trusted", "true"),
        ("root", "false"),
        ("crl-issuer", "false"),
        ("not-before", "2003-01-01T00:00:00+00:00"),
        ("not-after", "2005-12-31T23:59:59+00:00"),
        ("issuer", ROOT_NAME),
        ("deleted", "false"),
        ("fingerprint", gateway.store.entry(2).certificate.fingerprint.hex(":")),
        ("pem", vector("leaf").decode()),
    ]
    names = zip(texts(entry, "alternative-name/type"), texts(entry, "alternative-name/value"), strict=True)
    assert list(names) == [
        ("dns-name", "gw.example.com"),
        ("email-address", "ops@example.com"),
        ("ip-address", "192.0.2.7"),
        ("ip-address", "2001:db8::7"),
        ("uri", "http://example.com/gw"),
    ]


def test_everything_together_is_valid_for_libyang() -> None:
    gateway = Gateway()
    gateway.store.take("leaf", "sha256-leaf")
    gateway.certificates.import_crl(vector("crl-2"))
    data = gateway.connect().get()
    assert texts(data, "certificates/certificate/trusted") == ["true", "false", "false"]
    assert texts(data, "certificates/certificate/not-trusted-reason") == ["revoked", "revoked"]
    assert texts(data, "certificates/crl/issuer") == [ROOT_NAME]


def test_an_entry_is_found_by_its_id() -> None:
    gateway = Gateway()
    gateway.store.take("leaf")
    wire = gateway.connect()
    assert texts(wire.get(certificates("<certificate><id>1</id></certificate>")), ".//subject") == [ROOT_NAME]
    assert texts(wire.get(certificates("<certificate><id>9</id></certificate>")), ".//subject") == []


def test_an_alternative_name_is_found_by_its_type_and_value() -> None:
    gateway = Gateway()
    gateway.store.take("leaf")
    wanted = "<alternative-name><type>ip-address</type><value>192.0.2.7</value></alternative-name>"
    data = gateway.connect().get(certificates(f"<certificate><id>2</id>{wanted}</certificate>"))
    assert texts(data, ".//value") == ["192.0.2.7"]


def test_a_list_is_shown_with_what_it_revokes() -> None:
    gateway = Gateway()
    gateway.store.take("leaf")
    gateway.certificates.import_crl(vector("crl-2"))
    data = gateway.connect().get(certificates(f"<crl><issuer>{ROOT_NAME}</issuer></crl>"))
    crl = "certificates/crl/"
    assert [texts(data, crl + leaf) for leaf in ("id", "references", "this-update", "next-update")] == [
        ["3"],
        ["1"],
        ["2003-03-10T00:00:00+00:00"],
        ["2003-04-10T00:00:00+00:00"],
    ]
    revoked = dict(zip(texts(data, crl + "revoked/serial"), texts(data, crl + "revoked/reason"), strict=True))
    assert revoked == {"3": "superseded", "99": "unspecified", SERIAL: "key-compromise"}
    assert set(texts(data, crl + "revoked/revocation-date")) == {"2003-03-01T12:00:00+00:00"}
    one = gateway.connect().get(certificates(f"<crl><revoked><serial>{SERIAL}</serial></revoked></crl>"))
    assert texts(one, ".//reason") == ["key-compromise"]


def test_the_totals_are_those_of_the_database() -> None:
    gateway = Gateway()
    gateway.store.take("leaf", "sha256-leaf")
    gateway.certificates.delete_certificate(EntryId(2))
    data = gateway.connect().get(certificates("<database/>"))
    names = ("total-entries", "active-entries", "locked-entries")
    assert [texts(data, f".//{name}") for name in names] == [["3"], ["2"], ["1"]]


def test_an_import_answers_the_id() -> None:
    gateway = Gateway()
    reply = gateway.connect().rpc(operation("import-certificate", "pem", vector("leaf").decode()))
    assert texts(reply, "id") == ["2"]
    assert gateway.store.entry(2).distrust is None


def test_a_list_that_is_imported_revokes() -> None:
    gateway = Gateway()
    gateway.store.take("sha256-leaf")
    reply = gateway.connect().rpc(operation("import-crl", "pem", vector("crl-1").decode()))
    assert reply.find("nc:ok", NAMESPACES) is not None
    assert gateway.store.entry(2).distrust is Distrust.REVOKED


@pytest.mark.parametrize(
    ("rpc", "what", "limits", "tag"),
    [
        (
            "import-certificate",
            "leaf",
            CertificateLimits(certificate_octets=len(vector("leaf"))),
            "certificate-too-large",
        ),
        ("import-certificate", "leaf", CertificateLimits(certificates=2), "too-many-certificates"),
        ("import-crl", "crl-1", CertificateLimits(crl_octets=len(vector("crl-1"))), "crl-too-large"),
    ],
)
def test_what_is_imported_holds_at_the_limit_and_not_over_it(
    rpc: str, what: str, limits: CertificateLimits, tag: str
) -> None:
    met: list[Refusal] = []
    gateway = Gateway()
    gateway.certificates.on_limit_met = met.append
    gateway.certificates.limits = CertificateLimits(*(getattr(limits, each.name) - 1 for each in fields(limits)))
    before = gateway.certificates.totals
    refused = error(gateway.connect().rpc(operation(rpc, "pem", vector(what).decode())))
    assert (refused["error-tag"], refused["error-app-tag"]) == ("resource-denied", tag)
    assert refused["error-path"].endswith("/cert:pem")
    assert met == [Refusal(tag)]
    assert gateway.certificates.totals == before
    assert list(gateway.certificates.crls()) == []
    gateway.certificates.limits = limits
    assert gateway.connect().rpc(operation(rpc, "pem", vector(what).decode())).find("nc:rpc-error", NAMESPACES) is None
    assert met == [Refusal(tag)]


def test_a_certificate_that_is_deleted_is_shown_as_such_until_it_is_gone() -> None:
    gateway = Gateway()
    gateway.store.take("leaf")
    wire = gateway.connect()
    reply = wire.rpc(operation("delete-certificate", "id", "2"))
    assert reply.find("nc:ok", NAMESPACES) is not None
    assert texts(wire.get(certificates()), ".//deleted") == ["false", "true"]
    gateway.store.world.advance(gateway.store.world.now + PURGE_INTERVAL_US)
    assert texts(wire.get(certificates()), ".//deleted") == ["false"]


def test_a_list_that_is_deleted_is_gone() -> None:
    gateway = Gateway()
    gateway.certificates.import_crl(vector("crl-1"))
    reply = gateway.connect().rpc(operation("delete-crl", "issuer", ROOT_NAME))
    assert reply.find("nc:ok", NAMESPACES) is not None
    assert list(gateway.certificates.crls()) == []


@pytest.mark.parametrize(
    ("name", "leaf", "value", "app_tag"),
    [
        ("import-certificate", "pem", "nonsense", "bad-pem"),
        ("import-certificate", "pem", vector("end").decode(), "unknown-issuer"),
        ("import-certificate", "pem", vector("forged").decode(), "bad-signature"),
        ("import-certificate", "pem", vector("md5-leaf").decode(), "unsupported-signature"),
        ("import-certificate", "pem", vector("root").decode(), "duplicate"),
        ("import-crl", "pem", vector("root").decode(), "bad-pem"),
        ("import-crl", "pem", vector("crl-forged").decode(), "bad-signature"),
        ("import-crl", "pem", vector("crl-plain").decode(), "unknown-issuer"),
        ("delete-certificate", "id", "9", "unknown-certificate"),
        ("delete-certificate", "id", "1", "locked"),
        ("delete-crl", "issuer", "CN=nobody", "unknown-crl"),
    ],
)
def test_a_refusal_names_the_leaf_and_the_reason(name: str, leaf: str, value: str, app_tag: str) -> None:
    gateway = Gateway()
    before = gateway.certificates.export()
    refused = error(gateway.connect().rpc(operation(name, leaf, value)))
    assert (refused["error-type"], refused["error-tag"]) == ("application", "invalid-value")
    assert refused["error-app-tag"] == app_tag
    assert refused["error-path"] == f"/cert:{name}/cert:{leaf}"
    assert gateway.certificates.export() == before


def test_a_trust_anchor_that_is_none_refuses_the_whole_configuration() -> None:
    gateway = Gateway()
    with pytest.raises(RpcError, match="trust anchor leaf: "):
        gateway.configure(anchor_xml(root=vector("root"), leaf=b"nonsense"))
    assert [each.is_root for each in gateway.certificates.certificates()] == [True]


@pytest.mark.parametrize("name", ["import-certificate", "import-crl", "delete-certificate", "delete-crl"])
def test_every_operation_is_denied_to_those_who_have_no_rule_for_it(name: str) -> None:
    gateway = Gateway()
    before = gateway.certificates.export()
    refused = error(gateway.connect("eve").rpc(f'<{name} xmlns="{NAMESPACE}"/>'))
    assert refused["error-tag"] == "access-denied"
    assert gateway.certificates.export() == before
    assert registry().schema.node(f"/{CERTIFICATES.module}:{name}").access is Access.DENY_ALL


def leaf(path: str) -> SchemaNode:
    """Return a schema node of the module."""
    return registry().schema.node(f"/{CERTIFICATES.module}:{path}")


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("certificates/certificate/alternative-name/type", AlternativeNameType),
        ("certificates/certificate/not-trusted-reason", Distrust),
        ("certificates/crl/revoked/reason", RevocationReason),
        ("certificate-revoked/reason", RevocationReason),
    ],
)
def test_an_enumeration_of_core_and_that_of_the_module_have_the_same_names(path: str, values: type[Enum]) -> None:
    kind = leaf(path).type
    assert kind is not None
    assert getattr(kind, "names", None) == tuple(value.value for value in values)


def test_every_refusal_is_described_in_the_module() -> None:
    source = " ".join(registry().schema.modules[CERTIFICATES.module].source.split())
    assert [reason.value for reason in Refusal if reason.value not in source] == []


NAMED = "<id>5</id><serial>22314868</serial><subject>C=us, O=x</subject>"
END = instant("2003-03-31T01:50:42Z")
ISSUER = "C=FI, O=Company-ABC"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            CertificateExpiring(0, EntryId(5), 22314868, "C=us, O=x", END),
            f"certificate-expiring|{NAMED}<not-after>2003-03-31T01:50:42+00:00</not-after>",
        ),
        (
            CertificateExpired(0, EntryId(5), 22314868, "C=us, O=x", END),
            f"certificate-expired|{NAMED}<not-after>2003-03-31T01:50:42+00:00</not-after>",
        ),
        (
            CertificateRevoked(0, EntryId(5), 22314868, "C=us, O=x", ISSUER, RevocationReason.KEY_COMPROMISE, END),
            f"certificate-revoked|{NAMED}<issuer>{ISSUER}</issuer><reason>key-compromise</reason>"
            "<revocation-date>2003-03-31T01:50:42+00:00</revocation-date>",
        ),
        (
            CrlUpdated(0, EntryId(6), ISSUER, END, None),
            f"crl-updated|<issuer>{ISSUER}</issuer><id>6</id><this-update>2003-03-31T01:50:42+00:00</this-update>",
        ),
    ],
)
def test_an_event_is_rendered_as_its_notification(event: Event, expected: str) -> None:
    name, _, body = expected.partition("|")
    node, binding = registry().notifications[type(event)]
    shown = render_notification(node, binding.values(event))
    assert shown == f'<{name} xmlns="{NAMESPACE}">{body}</{name}>'


def test_every_notification_of_the_module_is_bound() -> None:
    bound = {binding.path for binding in CERTIFICATES.notifications}
    own = {node.path for node in registry().schema.notifications.values() if CERTIFICATES.module in node.path}
    assert bound == own
