"""Who may log in, and from where."""

from __future__ import annotations

import bcrypt
import pytest

from agent.app.errors import SettingsError
from agent.app.settings import Kind, ListenAddress, User
from agent.app.users import Users, choose_users

LOOPBACK = (ListenAddress("127.0.0.1", 8830),)
EXPOSED = (*LOOPBACK, ListenAddress("0.0.0.0", 830))
DEFAULTS = {"admin": "admin", "guest": "guest"}


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture
def users() -> Users:
    return Users([User("ann", hashed("secret"), ("ssh-ed25519 AAAA",), ("operators",)), User("bob", None, ("key",))])


def test_the_right_password_is_taken(users: Users) -> None:
    assert users.check_password("ann", "secret")


@pytest.mark.parametrize(
    ("user", "password"),
    [("ann", "Secret"), ("ann", ""), ("eve", "secret"), ("eve", ""), ("bob", "secret"), ("bob", ""), ("ann", "x" * 99)],
)
def test_no_other_is(users: Users, user: str, password: str) -> None:
    assert not users.check_password(user, password)


def test_nobody_logs_in_with_a_password_where_there_is_none() -> None:
    assert not Users([User("bob", None, ("key",))]).check_password("bob", "")


def test_a_stranger_has_neither_keys_nor_groups(users: Users) -> None:
    assert users.authorized_keys("eve") == ()
    assert users.groups("eve") == ()


def test_keys_and_groups_are_the_users_own(users: Users) -> None:
    assert users.authorized_keys("ann") == ("ssh-ed25519 AAAA",)
    assert users.groups("ann") == ("operators",)
    assert users.groups("bob") == ()


def test_the_default_users_exist_on_loopback() -> None:
    users = choose_users(None, DEFAULTS, LOOPBACK)
    assert users.names == ("admin", "guest")
    assert users.check_password("admin", "admin")
    assert not users.check_password("admin", "guest")


@pytest.mark.parametrize(("user", "password"), [("admin", ""), ("eve", ""), ("eve", "admin"), ("admin", "adminx")])
def test_nothing_else_is_taken_for_a_default_password(user: str, password: str) -> None:
    assert not choose_users(None, DEFAULTS, LOOPBACK).check_password(user, password)


def test_default_passwords_alone_are_quick_to_check(users: Users) -> None:
    chosen = choose_users(None, DEFAULTS, LOOPBACK)
    assert chosen.is_quick
    assert not users.is_quick


def test_who_becomes_others_has_their_passwords_and_no_more_its_own(users: Users) -> None:
    chosen = choose_users(None, DEFAULTS, LOOPBACK)
    chosen.become(users)
    assert chosen.check_password("ann", "secret")
    assert not chosen.check_password("admin", "admin")
    chosen.become(choose_users(None, DEFAULTS, LOOPBACK))
    assert chosen.check_password("admin", "admin")
    assert not chosen.check_password("ann", "secret")


def test_default_users_are_refused_where_others_can_reach_them() -> None:
    with pytest.raises(SettingsError, match=r"0\.0\.0\.0:830 .*--settings") as caught:
        choose_users(None, DEFAULTS, EXPOSED)
    assert caught.value.exit_code == 2


def test_configured_users_take_the_place_of_the_default_ones() -> None:
    users = choose_users([User("ann", hashed("secret"))], DEFAULTS, EXPOSED)
    assert users.names == ("ann",)
    assert not users.check_password("admin", "admin")


def test_a_default_password_in_the_settings_is_refused_as_well() -> None:
    with pytest.raises(SettingsError, match="'admin' has its default password"):
        choose_users([User("admin", hashed("admin"))], DEFAULTS, EXPOSED)


def test_on_loopback_a_configured_default_password_is_allowed() -> None:
    assert choose_users([User("admin", hashed("admin"))], DEFAULTS, LOOPBACK).check_password("admin", "admin")


def test_default_passwords_are_not_taken_to_another_machine_by_call_home() -> None:
    with pytest.raises(SettingsError, match=r"call home to 192\.0\.2\.1:4334 .*--settings"):
        choose_users(None, DEFAULTS, LOOPBACK, [ListenAddress("192.0.2.1", 4334)])
    with pytest.raises(SettingsError, match="'admin' has its default password"):
        choose_users([User("admin", hashed("admin"))], DEFAULTS, LOOPBACK, [ListenAddress("192.0.2.1", 4334)])
    assert choose_users(None, DEFAULTS, LOOPBACK, [ListenAddress("127.0.0.1", 4334)]).names == ("admin", "guest")


def test_over_tls_there_are_no_passwords_to_be_guessed() -> None:
    over_tls = [ListenAddress("0.0.0.0", 6513, Kind.TLS)]
    assert choose_users(None, DEFAULTS, [*LOOPBACK, *over_tls], over_tls).names == ("admin", "guest")
