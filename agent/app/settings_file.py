"""The settings file (TOML): users, addresses, limits, TLS, and whom to call.

Invariant: an error names the file and the key, and repeats no secret. Files that it names are looked for from where it
lies.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from agent.app.errors import SettingsError
from agent.app.settings import (
    BCRYPT_HASH,
    LOG_LEVELS,
    AuditSettings,
    CallHome,
    ExponentReuse,
    Limits,
    ListenAddress,
    LogFormat,
    LogSettings,
    Settings,
    TlsSettings,
    User,
    parse_call_home_address,
    parse_listen_address,
)
from agent.transport.name_rules import Fingerprint, MapType, NameRule

START_WITH: Final = ("first-listed", "last-connected")

MOST: Final = 2**63 - 1
"""The largest number that every reader of TOML has to know."""
A_COUNT: Final = f"a number, 0 or more, and {MOST} at most"

T = TypeVar("T")


def load_settings(path: Path) -> Settings:
    """Read a settings file. SettingsError names the file and the key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: values are nested too deeply") from error
    except ValueError as error:  # no TOML, no UTF-8, or a number of more digits than Python reads
        raise SettingsError(f"{path}: {error}") from error
    table = _Table(str(path), "", document)
    users = table.take_table("users")
    settings = Settings(
        listen=tuple(table.take_texts("listen", parse_listen_address)),
        limits=_parse_limits(table.take_table("limits")),
        tls=_parse_tls(table.take_table("tls"), path.parent),
        call_home=tuple(_parse_call_home(*each) for each in table.take_tables("call-home")),
        ike=_parse_exponents(table.take_table("ike")),
        log=_parse_log(table.take_table("log")),
        audit=_parse_audit(table.take_table("audit"), path.parent),
        monitoring=_parse_monitoring(table.take_table("monitoring")),
        run_as=table.take_text("run-as", str),
        users=None if users is None else tuple(_parse_user(*user, "tls" in document) for user in users.take_tables()),
    )
    table.refuse_the_rest()
    return settings


def _parse_user(name: str, table: _Table, may_have_certificate: bool) -> User:
    user = User(
        name,
        password_hash=table.take_text("password-hash", _parse_password_hash),
        authorized_keys=tuple(table.take_texts("authorized-keys", _parse_authorized_key)),
        groups=tuple(table.take_texts("groups", str)),
        may_recover=table.take_truth("recovery"),
    )
    table.refuse_the_rest()
    if user.password_hash is None and not user.authorized_keys and not may_have_certificate:
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


def _parse_exponents(table: _Table | None) -> ExponentReuse:
    default = ExponentReuse()
    if table is None:
        return default
    negotiations, seconds = table.take_count("exponent-uses"), table.take_count("exponent-seconds")
    table.refuse_the_rest()
    if negotiations == 0:
        raise table.error("exponent-uses", "is 1 or more: 1 is a fresh one for every negotiation")
    return ExponentReuse(negotiations or default.negotiations, default.seconds if seconds is None else seconds)


def _parse_log(table: _Table | None) -> LogSettings:
    if table is None:
        return LogSettings()
    default = LogSettings()
    level = table.take_text("level", partial(_one_of, LOG_LEVELS)) or default.level
    format_ = table.take_text("format", partial(_one_of, tuple(each.value for each in LogFormat)))
    table.refuse_the_rest()
    return LogSettings(level, default.format if format_ is None else LogFormat(format_))


def _parse_audit(table: _Table | None, folder: Path) -> AuditSettings:
    default = AuditSettings()
    if table is None:
        return default
    file, octets, kept = (
        table.take_text("file", folder.joinpath),
        table.take_count("max-bytes"),
        table.take_count("keep"),
    )
    audit = AuditSettings(
        file,
        default.maximum_bytes if octets is None else octets,
        default.kept if kept is None else kept,
        table.take_truth("reads"),
    )
    table.refuse_the_rest()
    return audit


def _parse_monitoring(table: _Table | None) -> ListenAddress | None:
    if table is None:
        return None
    address = table.take_text("listen", _parse_monitoring_address)
    if address is None:
        raise table.error("listen", "is needed: a loopback address, as in '127.0.0.1:9830'")
    table.refuse_the_rest()
    return address


def _parse_monitoring_address(text: str) -> ListenAddress:
    address = parse_listen_address(text)
    if not address.is_loopback:
        raise ValueError("is no loopback address: nobody logs in there, so it is for this machine alone")
    return address


def _one_of(allowed: tuple[str, ...], text: str) -> str:
    if text not in allowed:
        raise ValueError(f"is one of {', '.join(allowed)}")
    return text


def _parse_tls(table: _Table | None, folder: Path) -> TlsSettings | None:
    if table is None:
        return None
    clients, certificate, key, revocations = (
        table.take_text(name, folder.joinpath)
        for name in ("client-certificates", "certificate", "key", "client-revocations")
    )
    if clients is None:
        raise table.error("client-certificates", "is needed: the certificates (PEM) that clients are known by")
    if (certificate is None) != (key is None):
        raise table.error("certificate", "and key are both given, or neither")
    names = tuple(_parse_name_rule(rule) for rule in table.take_list("cert-to-name"))
    if not names:
        raise table.error("cert-to-name", "is needed: without it no certificate has a name")
    table.refuse_the_rest()
    return TlsSettings(clients, names, certificate, key, revocations)


def _parse_name_rule(table: _Table) -> NameRule:
    fingerprint = table.take_text("fingerprint", Fingerprint.parse)
    map_type = table.take_text("map-type", _parse_map_type)
    name = table.take_text("name", str)
    table.refuse_the_rest()
    if fingerprint is None or map_type is None:
        raise table.error("fingerprint", "and map-type are needed")
    if (map_type is MapType.SPECIFIED) != (name is not None):
        raise table.error("name", f"belongs to map-type {MapType.SPECIFIED.value!r}, and to no other")
    return NameRule(fingerprint, map_type, name or "")


def _parse_map_type(text: str) -> MapType:
    try:
        return MapType(text)
    except ValueError as error:
        raise ValueError(f"is one of {', '.join(each.value for each in MapType)}") from error


def _parse_call_home(name: str, table: _Table) -> CallHome:
    endpoints = tuple(table.take_texts("endpoints", parse_call_home_address))
    if not endpoints:
        raise table.error("endpoints", "is needed: where to connect to, as in ['ssh:192.0.2.1:4334']")
    defaults = CallHome(name, endpoints)
    attempts, longest_wait = table.take_count("max-attempts"), table.take_count("max-wait-seconds")
    call_home = CallHome(
        name,
        endpoints,
        period_seconds=table.take_count("period-seconds") or 0,
        start_with_last=table.take_text("start-with", _parse_start_with) or False,
        attempts=defaults.attempts if attempts is None else attempts,
        longest_wait_seconds=defaults.longest_wait_seconds if longest_wait is None else longest_wait,
    )
    table.refuse_the_rest()
    if not call_home.attempts or not call_home.longest_wait_seconds:
        raise table.error("max-attempts", "and max-wait-seconds are 1 or more")
    return call_home


def _parse_start_with(text: str) -> bool:
    if text not in START_WITH:
        raise ValueError(f"is one of {', '.join(START_WITH)}")
    return text == START_WITH[1]


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

    def take_tables(self, key: str | None = None) -> Iterator[tuple[str, _Table]]:
        """Take every table that there is here, or in the table `key` if there is one, by name."""
        holder = self if key is None else self.take_table(key)
        if holder is None:
            return
        for name in tuple(holder._left):
            if (table := holder.take_table(name)) is not None:
                yield name, table

    def take_list(self, key: str) -> Sequence[_Table]:
        values = self._take(key, list, "a list of tables") or []
        if not all(isinstance(value, dict) for value in values):
            raise self.error(key, "is a list of tables")
        return [_Table(self._file, f"{self._prefix}{key}[{at}].", value) for at, value in enumerate(values)]

    def take_text(self, key: str, parse: Callable[[str], T]) -> T | None:
        value = self._take(key, str, "a string")
        return None if value is None else self._parse(key, value, parse)

    def take_texts(self, key: str, parse: Callable[[str], T]) -> Sequence[T]:
        values = self._take(key, list, "a list of strings") or []
        if not all(isinstance(value, str) for value in values):
            raise self.error(key, "is a list of strings")
        return [self._parse(f"{key}[{position}]", value, parse) for position, value in enumerate(values)]

    def take_truth(self, key: str) -> bool:
        return bool(self._take(key, bool, "true or false"))

    def take_count(self, key: str) -> int | None:
        value = self._take(key, int, A_COUNT)
        if value is not None and (isinstance(value, bool) or not 0 <= value <= MOST):
            raise self.error(key, f"is {A_COUNT}")
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
