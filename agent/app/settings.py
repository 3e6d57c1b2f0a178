"""What the operator decides: the options of ``serve`` and the settings file (TOML).

Invariant: values are parsed and checked here, once; the rest of the program trusts them. An error names the file and
the key. Secrets appear in no repr.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, TypeVar

from agent.app.errors import SettingsError
from agent.core.config import IKE_PORT, NAT_PORT

STEP: Final = 0.0
"""The time scale ``step``: device time moves only when it is told to."""

BCRYPT_HASH: Final = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")

IKE_ADDRESS: Final = re.compile(
    r"(?:\[(?P<bracketed>[^]]+)\]|(?P<host>[^:\[\],]+))(?::(?P<port>\d{1,5})(?:,(?P<nat_port>\d{1,5}))?)?", re.ASCII
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A TCP address to listen on. ``host`` is an IP literal or a name, without brackets; port 0 takes a free one."""

    host: str
    port: int

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


DEFAULT_LISTEN: Final = ListenAddress("127.0.0.1", 8830)


@dataclass(frozen=True, slots=True)
class User:
    """One who may log in: with a password (bcrypt hash), with keys (OpenSSH lines), or both."""

    name: str
    password_hash: str | None = field(default=None, repr=False)
    authorized_keys: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """NACM groups, beside those that the configuration puts the user in."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the management plane. Times are in wall seconds; 0 switches a timer off."""

    sessions: int = 256
    login_seconds: int = 60
    login_attempts: int = 3
    hello_seconds: int = 60
    idle_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """The content of a settings file; the defaults are those of no file at all."""

    users: tuple[User, ...] | None = None
    """None: the file names none, so the users of the scenario hold."""
    listen: tuple[ListenAddress, ...] = ()
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Everything ``ipsec-agent serve`` was told, parsed."""

    scenario: str
    """The name of a shipped scenario or the path of a file."""
    listen: tuple[ListenAddress, ...]
    """The addresses of NETCONF over SSH; never empty."""
    settings: Settings = Settings()
    reset: bool = False
    """Discard the startup datastore: boot from the scenario's configuration."""
    state_directory: Path | None = None
    """None: the scenario's own directory under the XDG state home."""
    time_scale: float | None = None
    """Device seconds for each wall second, ``STEP`` (0) for steps; None: as the scenario says."""
    ike: IkeAddress | None = None
    """Where IKE is spoken with real peers; None: with none."""


def parse_listen_address(text: str) -> ListenAddress:
    """Parse ``HOST:PORT``; an IPv6 address stands in brackets. ValueError says what is wrong."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT with a port from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r}: an IPv6 address stands in brackets, as in [::1]:8830")
    if not host:
        raise ValueError(f"{text!r} names no host; 127.0.0.1 is this machine alone, 0.0.0.0 is every IPv4 address")
    return ListenAddress(host, int(port))


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
    if not (math.isfinite(scale) and scale >= 0):
        raise ValueError(f"{text!r} is neither a number of device seconds for each second nor 'step'")
    return scale


def load_settings(path: Path) -> Settings:
    """Read a settings file. SettingsError names the file and the key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    table = _Table(str(path), "", document)
    users = table.take_table("users")
    settings = Settings(
        users=None if users is None else tuple(_parse_user(name, user) for name, user in users.take_tables()),
        listen=tuple(table.take_texts("listen", parse_listen_address)),
        limits=_parse_limits(table.take_table("limits")),
    )
    table.refuse_the_rest()
    return settings


def _parse_user(name: str, table: _Table) -> User:
    user = User(
        name,
        password_hash=table.take_text("password-hash", _parse_password_hash),
        authorized_keys=tuple(table.take_texts("authorized-keys", _parse_authorized_key)),
        groups=tuple(table.take_texts("groups", str)),
    )
    table.refuse_the_rest()
    if user.password_hash is None and not user.authorized_keys:
        raise table.error("password-hash", "a user needs this, or authorized-keys, to log in")
    return user


def _parse_password_hash(text: str) -> str:
    if not BCRYPT_HASH.fullmatch(text):
        raise ValueError("is not a bcrypt hash; `htpasswd -nBC 12 NAME` makes one")
    return text


def _parse_authorized_key(text: str) -> str:
    import asyncssh  # here, because it is slow to load and most settings name no key

    try:
        asyncssh.import_authorized_keys(text)
    except ValueError as error:
        raise ValueError(f"is not a line of an OpenSSH authorized_keys file: {error}") from error
    return text


def _parse_limits(table: _Table | None) -> Limits:
    if table is None:
        return Limits()
    given = {}
    for limit in fields(Limits):
        value = table.take_count(limit.name.replace("_", "-"))
        if value is not None:
            given[limit.name] = value
    table.refuse_the_rest()
    return Limits(**given)


class _Table:
    """A TOML table being read: what is taken from it must be of its type, and nothing may be left."""

    def __init__(self, file: str, prefix: str, content: Mapping[str, object]) -> None:
        self._file = file
        self._prefix = prefix
        self._left = dict(content)
        self._taken: list[str] = []

    def error(self, key: str, message: str) -> SettingsError:
        return SettingsError(f"{self._file}: {self._prefix}{key}: {message}")

    def take_table(self, key: str) -> _Table | None:
        value = self._take(key, dict, "a table")
        return None if value is None else _Table(self._file, f"{self._prefix}{key}.", value)

    def take_tables(self) -> Iterator[tuple[str, _Table]]:
        for key in tuple(self._left):
            table = self.take_table(key)
            if table is not None:
                yield key, table

    def take_text(self, key: str, parse: Callable[[str], T]) -> T | None:
        value = self._take(key, str, "a string")
        return None if value is None else self._parse(key, value, parse)

    def take_texts(self, key: str, parse: Callable[[str], T]) -> Sequence[T]:
        values = self._take(key, list, "a list of strings") or []
        if not all(isinstance(value, str) for value in values):
            raise self.error(key, "is a list of strings")
        return [self._parse(f"{key}[{position}]", value, parse) for position, value in enumerate(values)]

    def take_count(self, key: str) -> int | None:
        value = self._take(key, int, "a number, 0 or more")
        if value is not None and (isinstance(value, bool) or value < 0):
            raise self.error(key, "is a number, 0 or more")
        return value

    def refuse_the_rest(self) -> None:
        for key in self._left:
            raise self.error(key, f"is not known here; known are {', '.join(self._taken)}")

    def _take(self, key: str, kind: type[T], wanted: str) -> T | None:
        self._taken.append(key)
        value = self._left.pop(key, None)
        if value is not None and not isinstance(value, kind):
            raise self.error(key, f"is {wanted}")
        return value

    def _parse(self, key: str, value: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(value)
        except ValueError as error:
            raise self.error(key, str(error)) from error
