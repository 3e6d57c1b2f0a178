"""What the operator decides: the values of the options of ``serve`` and of the settings file.

Invariant: values are parsed and checked once, here and in `settings_file`; the rest of the program trusts them.
Secrets appear in no repr.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Final

from agent.core.config import IKE_PORT, NAT_PORT
from agent.transport.name_rules import NameRule

STEP: Final = 0.0
"""The time scale ``step``: device time moves only when it is told to."""

MAXIMUM_SCALE: Final = 1e9
"""A pace at which a second is thirty years: what a machine keeps up with is far less."""

BCRYPT_HASH: Final = re.compile(r"\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
"""The two digits are the cost, of which bcrypt knows 4 to 31: another one would be nobody's password."""

IKE_ADDRESS: Final = re.compile(
    r"(?:\[(?P<bracketed>[^]]+)\]|(?P<host>[^:\[\],]+))(?::(?P<port>\d{1,5})(?:,(?P<nat_port>\d{1,5}))?)?", re.ASCII
)


class Kind(Enum):
    """What NETCONF runs over."""

    SSH = "ssh"
    TLS = "tls"


KINDS: Final = frozenset(kind.value for kind in Kind)


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A TCP address to listen on, or to call. ``host`` is an IP literal or a name, without brackets.

    To listen on port 0 takes a free one.
    """

    host: str
    port: int
    kind: Kind = Kind.SSH

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it. A name other than ``localhost`` counts as reachable."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class IkeAddress:
    """Where IKE is spoken with real peers: one address, and two UDP ports; 0 takes a free one."""

    address: IPv4Address | IPv6Address
    port: int = IKE_PORT
    nat_port: int = NAT_PORT


CALL_HOME_PORTS: Final = MappingProxyType({Kind.SSH: 4334, Kind.TLS: 4335})
DEFAULT_LISTEN: Final = ListenAddress("127.0.0.1", 8830)


@dataclass(frozen=True, slots=True)
class User:
    """One who may log in: with a password (bcrypt hash), with keys (OpenSSH lines), or both."""

    name: str
    password_hash: str | None = field(default=None, repr=False)
    authorized_keys: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """NACM groups, beside those that the configuration puts the user in."""
    may_recover: bool = False
    """Whether no access rule holds for the user: to mend the rules (RFC 8341 section 3.1.1)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the management plane. Times are in wall seconds; 0 switches a timer off."""

    sessions: int = 256
    sessions_of_a_user: int = 0
    """0 for no limit but that on all."""
    logins: int = 64
    """Connections that have not logged in yet; 0 for no limit."""
    connections: int = 1024
    """Logged in or not, with sessions or without."""
    login_seconds: int = 60
    login_attempts: int = 3
    """Wrong passwords that end a connection."""
    channels_of_a_connection: int = 256
    """Of SSH, whatever they are for."""
    hello_seconds: int = 60
    idle_seconds: int = 0
    session_seconds: int = 0
    """How long a session may last, busy or not."""
    message_bytes: int = 64 * 1024 * 1024
    message_chunks: int = 100_000
    message_depth: int = 128
    """Elements within one another."""
    message_attributes: int = 64
    """Of one element."""
    message_elements: int = 2_000_000
    subscriptions: int = 64
    """Of one session."""
    partial_locks: int = 64
    """Of one session."""
    waiting_notifications: int = 1000
    """Of one subscription, for a client that does not read."""
    waiting_changes_characters: int = 4_000_000
    """Of one on-change subscription, for a client that does not read."""
    selection_characters: int = 32_000_000
    """Of all that one on-change subscription selects."""
    waiting_input_bytes: int = 64 * 1024
    """Of one session, behind a request that is being answered."""
    xpath_characters: int = 16 * 1024
    """Of one expression."""
    xpath_data_characters: int = 8 * 1024 * 1024
    """Of the data that one is evaluated over."""
    xpath_visits: int = 20_000_000
    """Of nodes, in one evaluation."""
    filter_matches: int = 100
    """That one filter has to try with each entry of a list."""
    files: int = 1000
    """That URLs name."""
    file_bytes: int = 64 * 1024 * 1024
    """Of one of them."""
    command_characters: int = 4096
    """Of a line at the prompt, or in a `command`; never more than 65,536."""
    login_failures: int = 10
    """Wrong passwords from one address before the next tries from there are slowed down."""
    login_wait_seconds: int = 60
    """How long such a try waits at most, and how long there may be until the turn of one that is kept waiting."""
    certificates: int = 1000
    """In the database: no more are imported."""
    certificate_bytes: int = 64 * 1024
    """Of one that is imported."""
    crl_bytes: int = 512 * 1024
    """Of a revocation list that is imported."""
    half_open_ike: int = 1000
    """Negotiations that others began and have not authenticated."""
    half_open_ike_of_a_peer: int = 20


@dataclass(frozen=True, slots=True)
class ExponentReuse:
    """For how many negotiations of phase 1, and for how long, a private value of Diffie-Hellman is good.

    Each for one is what forward secrecy wants; phase 2 knows nothing else.
    """

    negotiations: int = 1
    seconds: int = 60


class LogFormat(Enum):
    """How a line of the log is written."""

    TEXT = "text"
    JSON = "json"


LOG_LEVELS: Final = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is written to stderr, and how."""

    level: str = "info"
    """One of LOG_LEVELS: what is less grave is not written."""
    format: LogFormat = LogFormat.TEXT


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """How the audit log is kept."""

    file: Path | None = None
    """None: in the state directory."""
    maximum_bytes: int = 10 * 1024 * 1024
    """How large a file grows before the next is begun."""
    kept: int = 9
    """How many files are kept beside the one that is written."""
    reads: bool = False
    """Whether requests that only read, and were allowed to, are written, too."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How NETCONF over TLS is served (RFC 7589)."""

    client_certificates: Path
    """PEM: the authorities that clients' certificates are issued by, or these certificates themselves."""
    names: tuple[NameRule, ...]
    certificate: Path | None = None
    """PEM, with the chain behind it; None: one of our own, kept in the state directory."""
    key: Path | None = None
    client_revocations: Path | None = None
    """PEM: the revocation lists of those authorities; None: no client's certificate is looked up in one."""


@dataclass(frozen=True, slots=True)
class CallHome:
    """A client that we connect to (RFC 8071)."""

    name: str
    endpoints: tuple[ListenAddress, ...]
    period_seconds: int = 0
    """0: persistently."""
    start_with_last: bool = False
    """Whether the endpoint that was connected last is tried first, and not the one that is listed first."""
    attempts: int = 3
    """Tries at one endpoint before the next."""
    longest_wait_seconds: int = 15
    """Between two tries."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The content of a settings file; the defaults are those of no file at all."""

    users: tuple[User, ...] | None = None
    """None: the file names none, so the users of the scenario hold."""
    listen: tuple[ListenAddress, ...] = ()
    limits: Limits = Limits()
    tls: TlsSettings | None = None
    call_home: tuple[CallHome, ...] = ()
    log: LogSettings = LogSettings()
    audit: AuditSettings = AuditSettings()
    monitoring: ListenAddress | None = None
    """Where `/metrics` and `/healthz` are served, on a loopback address; None: nowhere."""
    ike: ExponentReuse = ExponentReuse()
    run_as: str | None = None
    """``USER`` or ``USER:GROUP`` to become once the ports are taken, when started as root."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Everything ``ipsec-agent serve`` was told, parsed."""

    scenario: str
    """The name of a shipped scenario or the path of a file."""
    listen: tuple[ListenAddress, ...]
    """The addresses of NETCONF; never empty."""
    settings: Settings = Settings()
    reset: bool = False
    """Discard the startup datastore: boot from the scenario's configuration."""
    state_directory: Path | None = None
    """None: the scenario's own directory under the XDG state home."""
    time_scale: float | None = None
    """Device seconds for each wall second, ``STEP`` (0) for steps; None: as the scenario says."""
    yang: tuple[Path, ...] = ()
    """Files and directories of further modules to serve."""
    ike: IkeAddress | None = None
    """Where IKE is spoken with real peers; None: with none."""
    tun: str | None = None
    """The interface whose packets the device protects; None: it carries none of real hosts."""
    journal: Path | None = None
    """Where everything that happens is written down; None: nowhere."""
    settings_file: Path | None = None
    """Where the settings were read from, and are read again on SIGHUP."""


def parse_listen_address(text: str) -> ListenAddress:
    """Parse ``[ssh:|tls:]HOST:PORT``; an IPv6 address stands in brackets. ValueError says what is wrong."""
    kind, rest = _split_kind(text)
    host, colon, port = rest.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT with a port from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r}: an IPv6 address stands in brackets, as in [::1]:8830")
    if not host:
        raise ValueError(f"{text!r} names no host; 127.0.0.1 is this machine alone, 0.0.0.0 is every IPv4 address")
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise ValueError(f"{text!r}: {host!r} is no name of a host") from error
    return ListenAddress(host, int(port), kind)


def _split_kind(text: str) -> tuple[Kind, str]:
    """Part what NETCONF runs over from the address; ``tls:830`` is a host of that name."""
    word, _, rest = text.partition(":")
    return (Kind(word), rest) if word in KINDS and ":" in rest else (Kind.SSH, text)


def parse_call_home_address(text: str) -> ListenAddress:
    """Parse ``[ssh:|tls:]HOST[:PORT]``; the port is 4334 over SSH and 4335 over TLS (RFC 8071 section 6).

    ValueError says what is wrong.
    """
    word, colon, rest = text.partition(":")
    kind, address = (Kind(word), rest) if colon and word in KINDS else (Kind.SSH, text)
    if ":" not in address or address.endswith("]"):
        address = f"{address}:{CALL_HOME_PORTS[kind]}"
    parsed = parse_listen_address(f"{kind.value}:{address}")
    if not parsed.port:
        raise ValueError(f"{text!r}: there is no port 0 to connect to")
    return parsed


def parse_ike_address(text: str) -> IkeAddress:
    """Parse ``HOST[:PORT[,NAT-PORT]]``; an IPv6 address stands in brackets. ValueError says what is wrong."""
    matched = IKE_ADDRESS.fullmatch(text)
    if matched is None:
        raise ValueError(f"{text!r} is not HOST, HOST:PORT or HOST:PORT,PORT; an IPv6 address stands in brackets")
    try:
        address = ip_address(matched["bracketed"] or matched["host"])
    except ValueError as error:
        raise ValueError(f"{text!r} names no IP address") from error
    if address.is_unspecified or address.is_multicast:
        raise ValueError(f"{text!r} is no single address: it must be the one that the tunnels have as their source")
    port, nat_port = int(matched["port"] or IKE_PORT), int(matched["nat_port"] or NAT_PORT)
    if max(port, nat_port) > 65535 or port == nat_port != 0:
        raise ValueError(f"{text!r}: the ports for IKE and for NAT traversal are two, from 0 to 65535")
    return IkeAddress(address, port, nat_port)


def parse_time_scale(text: str) -> float:
    """Parse device seconds for each wall second, or ``step``. ValueError says what is wrong."""
    if text == "step":
        return STEP
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not 0 <= scale <= MAXIMUM_SCALE:
        raise ValueError(
            f"{text!r} is neither a number of device seconds for each second, {MAXIMUM_SCALE:g} at most, nor 'step'"
        )
    return scale
