"""The rows of the seven commands: values that text and XML are made of, and nothing else is."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.identifiers import Address, Endpoint


@dataclass(frozen=True, slots=True)
class NegotiationRow:
    """A phase 2 negotiation in progress."""

    role: str
    message_id: int
    local: Endpoint
    remote: Endpoint
    local_identity: str | None
    remote_identity: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IkeAlgorithmsRow:
    """What phase 1 has agreed on."""

    authentication: str
    encryption: str
    dh_group: str

    @property
    def pseudo_random_function(self) -> str:
        """The HMAC of the authentication algorithm."""
        return f"hmac-{self.authentication}"


@dataclass(frozen=True, slots=True)
class IkeSaRow:
    """An IKE security association; its lifetime is what is left of it in seconds, None before it has begun."""

    role: str
    state: str
    initiator_cookie: str
    responder_cookie: str
    exchange_type: str
    authentication_method: str
    local: Endpoint
    remote: Endpoint
    lifetime_seconds: int | None
    algorithms: IkeAlgorithmsRow | None
    input_bytes: int
    output_bytes: int
    input_packets: int
    output_packets: int
    flags: tuple[str, ...]
    created: int
    deleted: int
    negotiations: tuple[NegotiationRow, ...]


@dataclass(frozen=True, slots=True)
class LifetimeRow:
    """What is left of a lifetime: seconds, and kilobytes where they limit it."""

    seconds: int
    kilobytes: int | None = None
    is_expired: bool = False


@dataclass(frozen=True, slots=True)
class IpsecSaRow:
    """An IPsec SA; the algorithms are None for none, the lifetimes for a manual one."""

    direction: str
    spi: int
    aux_spi: int
    is_installed: bool
    mode: str
    type: str
    protocol: str
    authentication: str | None
    encryption: str | None
    soft_lifetime: LifetimeRow | None
    hard_lifetime: LifetimeRow | None
    replay_window_size: int


@dataclass(frozen=True, slots=True)
class AssociationRow:
    """A configured security association with its SAs; its family is None in transport mode."""

    name: str
    interface_family: str | None
    interface: str | None
    local: Address | None
    remote: Address | None
    sas: tuple[IpsecSaRow, ...]


@dataclass(frozen=True, slots=True)
class PicRedundancyRow:
    """Two PICs that stand in for one another."""

    failure_counter: int
    primary: str
    primary_state: str
    backup: str
    backup_state: str


@dataclass(frozen=True, slots=True)
class TunnelRedundancyRow:
    """A tunnel with two peers."""

    name: str
    failure_counter: int
    local: Address
    primary: Address
    primary_state: str
    backup: Address
    backup_state: str


@dataclass(frozen=True, slots=True)
class TotalsRow:
    """The totals of the certificate database."""

    total: int
    active: int
    locked: int


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A certificate; instants are microseconds since the Unix epoch, alternative names their types and values."""

    id: int
    references: int
    serial: int
    subject: str
    is_trusted: bool
    is_root: bool
    is_crl_issuer: bool
    not_before: int
    not_after: int
    alternative_names: tuple[tuple[str, str], ...]
    issuer: str


@dataclass(frozen=True, slots=True)
class RevokedRow:
    """A certificate that a list revokes, and since when, in microseconds since the Unix epoch."""

    serial: int
    revoked_at: int


@dataclass(frozen=True, slots=True)
class CrlRow:
    """A certificate revocation list."""

    id: int
    references: int
    issuer: str
    revoked: tuple[RevokedRow, ...]
