"""The format of commands: in which steps they are done, what is refused, and how they are written."""

from __future__ import annotations

import pytest

from agent.datastore.edit import Operation
from agent.junos.configuration.set_commands import UNSUPPORTED, parse_set
from agent.junos.configuration.statements import BadStatement, Given, Position
from agent.junos.router import Format
from tests.support.junos_configuration import ConfiguredRouter, hierarchy


def steps(*commands: str) -> list[Given]:
    return list(parse_set(hierarchy().root, "\n".join(commands)))


def refusal(*commands: str) -> BadStatement:
    with pytest.raises(BadStatement) as caught:
        steps(*commands)
    return caught.value


def test_commands_in_a_row_that_set_are_one_step() -> None:
    found = steps("set system host-name a", "# a comment", "", "set system domain-name b")
    assert len(found) == 1
    (system,) = found[0].children()
    assert [each.argument for each in system.children()] == ["a", "b"]


def test_a_deletion_is_a_step_between_those_around_it() -> None:
    found = steps("set system host-name a", "delete system", "set system host-name b")
    operations = [next(each.children()).operation for each in found]
    assert operations == [Operation.MERGE, Operation.DELETE, Operation.MERGE]


def test_values_can_stand_in_brackets() -> None:
    (step,) = steps("set security ike policy 4.4.4.4 proposals [ a b ]")
    policy = next(next(next(step.children()).children()).children())
    assert [each.argument for each in policy.children()] == ["a", "b"]


@pytest.mark.parametrize(
    ("command", "message", "level", "word", "column"),
    [
        ("set system foo", "syntax error", ("system",), "foo", 12),
        ("set system host-name", "missing argument", ("system",), "host-name", 12),
        ("set", "missing argument", (), "set", 1),
        ("show system", "syntax error", (), "show", 1),
        ("set security ike proposal", "missing argument", ("security", "ike"), "proposal", 18),
    ],
)
def test_what_is_wrong_is_named_with_its_level_and_place(
    command: str, message: str, level: tuple[str, ...], word: str, column: int
) -> None:
    error = refusal("set system host-name a", command)
    assert (error.message, error.words, error.word) == (message, level, word)
    assert error.at == Position(2, column)


@pytest.mark.parametrize("command", sorted(UNSUPPORTED))
def test_other_commands_of_a_router_are_refused_by_name(command: str) -> None:
    assert refusal(f"{command} system").message == f"{command!r} is not supported: use 'set' and 'delete'"


def test_a_configuration_is_written_as_the_commands_that_make_it() -> None:
    assert ConfiguredRouter().text("interfaces es-1/3/0 unit 1", Format.SET) == [
        "set interfaces es-1/3/0 unit 1 tunnel source 4.4.4.5",
        "set interfaces es-1/3/0 unit 1 tunnel destination 4.4.4.4",
        "set interfaces es-1/3/0 unit 1 family inet ipsec-sa sa-manual",
    ]


def test_an_entry_without_statements_is_a_command_of_its_own() -> None:
    assert "set interfaces es-1/1/0" in ConfiguredRouter().text("", Format.SET)
