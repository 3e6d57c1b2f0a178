"""Who may log in: the users of the settings file, or else those of the scenario.

Invariants: default passwords exist on loopback addresses only; an unknown user takes as long to refuse as a known one.
A password of the settings is known by its bcrypt hash alone, which takes long on purpose. One of the scenario stands in
a file, or was made up for a test, and there is nothing to protect it from: it is compared as it is.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Final

import bcrypt

from agent.app.errors import SettingsError
from agent.app.settings import Kind, ListenAddress, User

NO_PASSWORDS: Final[Mapping[str, str]] = MappingProxyType({})


class Users:
    """The users by name; of the shape of ``agent.transport.endpoint.Authenticator``."""

    def __init__(self, users: Sequence[User], plain: Mapping[str, str] = NO_PASSWORDS) -> None:
        """Know these users; `plain` are the passwords of those who have one that is no secret, by user name."""
        self._users: Mapping[str, User] = MappingProxyType({user.name: user for user in users})
        hashes = [user.password_hash for user in users if user.password_hash is not None]
        self._decoy = hashes[0] if hashes else None
        self._plain = {name: _digest(password) for name, password in plain.items()}

    def become(self, others: Users) -> None:
        """Be others from now on: those who are logged in stay so."""
        self._users, self._decoy, self._plain = others._users, others._decoy, others._plain

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody, in the order given."""
        return tuple(self._users)

    @property
    def is_quick(self) -> bool:
        """Whether no password is known by its hash, so that a check takes microseconds, for whomever."""
        return self._decoy is None

    def check_password(self, user: str, password: str) -> bool:
        """Whether the password is this user's.

        Unless checks are quick this takes a bcrypt check's time (0.2 s and more), also for a stranger.
        """
        if self.is_quick:
            found = self._plain.get(user)
            return hmac.compare_digest(_digest(password), found or _digest("")) and found is not None
        known = self._users.get(user)
        right = known.password_hash if known is not None else None
        expected = right or self._decoy
        return expected is not None and password_matches(password, expected) and right is not None

    def authorized_keys(self, user: str) -> tuple[str, ...]:
        """The user's public keys as OpenSSH lines; none for a stranger."""
        known = self._users.get(user)
        return known.authorized_keys if known is not None else ()

    def groups(self, user: str) -> tuple[str, ...]:
        """The NACM groups that the settings put the user in."""
        known = self._users.get(user)
        return known.groups if known is not None else ()


def password_matches(password: str, password_hash: str) -> bool:
    """Whether a bcrypt hash is of this password. One that bcrypt cannot take (over 72 bytes) is nobody's."""
    try:
        return bcrypt.checkpw(password.encode(), password_hash.encode())
    except ValueError:
        return False


def choose_users(
    configured: Sequence[User] | None,
    defaults: Mapping[str, str],
    listen: Sequence[ListenAddress],
    called: Sequence[ListenAddress] = (),
) -> Users:
    """Return the configured users, or else those with the default passwords (by user name).

    SettingsError when default passwords would be good on another machine: because one of `listen` can be reached from
    there, or one of `called`, the endpoints of call home, is there. Over TLS nobody has a password.
    """
    exposed = [f"{address} can be reached from other machines" for address in _elsewhere(listen)]
    exposed += [f"call home to {address} leads to another machine" for address in _elsewhere(called)]
    if configured is None:
        if exposed and defaults:
            raise SettingsError(
                f"{exposed[0]}, where default passwords are not allowed: "
                "name users in a settings file (--settings), or keep to loopback addresses"
            )
        return Users([User(name) for name in defaults], defaults)
    for user in configured if exposed else ():
        default = defaults.get(user.name)
        if default is not None and user.password_hash is not None and password_matches(default, user.password_hash):
            raise SettingsError(f"user {user.name!r} has its default password, and {exposed[0]}")
    return Users(configured)


def _elsewhere(addresses: Sequence[ListenAddress]) -> list[ListenAddress]:
    """Return those where passwords are taken, and not on this machine alone."""
    return [address for address in addresses if address.kind is Kind.SSH and not address.is_loopback]


def _digest(password: str) -> bytes:
    """Return what passwords are compared by: as long for each, so that a comparison does not tell the length of one."""
    return sha256(password.encode()).digest()
