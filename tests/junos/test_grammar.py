"""The table itself: nothing stands in it twice, and whatever it says, the schema and the views have."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from agent.datastore.registry import AuditFailed, Authorisation, Dialect, compile_bindings
from agent.junos.command import Command, Kind, Local
from agent.junos.grammar import COMMANDS, HELPS, PIPES
from agent.junos.rpc import JUNOS
from agent.junos.view import View
from tests.support.chapter import registry
from tests.support.shop import toy_schema

SEVEN = [
    "clear ike security-associations",
    "clear ipsec security-associations",
    "request ipsec switch interface",
    "request ipsec switch security-associations",
    "show ike security-associations",
    "show ipsec certificates",
    "show ipsec certificates crl",
    "show ipsec redundancy interface",
    "show ipsec redundancy security-associations",
    "show ipsec security-associations",
]
"""The seven commands of the chapter, with what each is said of."""


def test_the_seven_commands_are_there() -> None:
    assert set(SEVEN) <= {" ".join(command.words) for command in COMMANDS}


def test_no_words_and_no_rpc_stand_for_two_commands() -> None:
    words = Counter(command.words for command in COMMANDS)
    rpcs = Counter(name for command in COMMANDS for name in (command.rpc, *command.aliases) if name is not None)
    assert [each for each, count in (*words.items(), *rpcs.items()) if count > 1] == []


@pytest.mark.parametrize("row", [*COMMANDS, *PIPES], ids=lambda row: " ".join(row.words))
def test_every_word_before_the_last_has_a_help(row: Any) -> None:
    whole = {each.words for each in (*COMMANDS, *PIPES)}
    assert [row.words[:n] for n in range(1, len(row.words)) if row.words[:n] not in HELPS.keys() | whole] == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_what_reaches_the_device_is_authorised(command: Command) -> None:
    authorisation = command.authorisation
    is_of_the_prompt = isinstance(command.does, Local) and command.does is not Local.CONFIGURATION
    assert is_of_the_prompt == (authorisation == Authorisation())
    if isinstance(command.does, View):
        assert authorisation.executes is None
    elif not is_of_the_prompt:
        assert authorisation.executes is not None


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_a_view_in_two_styles_has_options_for_both(command: Command) -> None:
    names = {each.name for each in command.parameters}
    if isinstance(command.does, View) and command.does.styles:
        assert names >= {"brief", "detail"}
    assert len([each for each in command.parameters if each.word is None and each.kind is not Kind.REST]) <= 1


def test_the_authorisations_exist_in_the_schema() -> None:
    assert JUNOS in registry().dialects


def test_an_authorisation_that_the_schema_does_not_have_fails_at_the_start() -> None:
    wrong = Dialect("wrong", (), (), {}, (Authorisation(("/toy:nothing",), "/toy:no-rpc"),))
    with pytest.raises(AuditFailed, match=r"(?s)/toy:nothing.*/toy:no-rpc"):
        compile_bindings(toy_schema(), (), (wrong,))
