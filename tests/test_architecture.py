"""The rules of the tree hold, and each of them can fail."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path
from types import MappingProxyType, ModuleType, SimpleNamespace

import pytest

import agent
import agent.core
from tests.support import architecture

ROOT = Path(__file__).parents[1]
TOP_LEVEL = {"CHANGELOG.md", "README.md", "agent", "pyproject.toml", "scripts", "tests", "yang"}
GENERATED = {"build", "dist", "ipsec_agent.egg-info"}

TABLES: dict[str, str] = {}
"""Files that are tables or vectors and may be of any length, with the reason."""
BROAD_EXCEPT = "agent/netconf/session.py"
"""The dispatcher: a defect of ours is logged and answered, and costs the client nothing but its answer."""

Rule = Callable[[str], Iterator[str]]
RULES: list[tuple[str, Rule]] = [
    ("long modules", architecture.long_modules),
    ("long functions", architecture.long_functions),
    ("missing docstrings", architecture.missing_docstring),
    ("hidden cycles", architecture.hidden_cycles),
]


def sources(*folders: str) -> dict[str, str]:
    """Every Python file under the folders, by its path in the repository."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def faults(rule: Rule, files: dict[str, str]) -> list[str]:
    return [f"{path}: {fault}" for path, source in files.items() for fault in rule(source)]


@pytest.mark.parametrize(("name", "rule"), RULES, ids=[name for name, _ in RULES])
def test_every_source_keeps_the_rule_of(name: str, rule: Rule) -> None:
    files = sources("agent", "tests")
    assert len(files) > 10
    assert faults(rule, {path: source for path, source in files.items() if path not in TABLES}) == []


def test_no_module_of_the_product_holds_mutable_state() -> None:
    assert faults(architecture.mutable_state, sources("agent")) == []


def test_there_is_one_broad_except() -> None:
    found = faults(architecture.broad_excepts, sources("agent"))
    assert [fault.split(":")[0] for fault in found] == [BROAD_EXCEPT]


def test_no_file_is_named_after_nothing() -> None:
    paths = [Path(path) for path in sources("agent", "tests")]
    assert [f"{path}: {fault}" for path in paths for fault in architecture.empty_names(path)] == []


def test_the_top_level_holds_nothing_else() -> None:
    present = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert present - GENERATED == TOP_LEVEL


def test_every_exemption_is_still_needed() -> None:
    files = sources("agent", "tests")
    for path in TABLES:
        assert [*architecture.long_modules(files[path]), *architecture.long_functions(files[path])] != []


def core_modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(agent.core.__path__, "agent.core."):
        yield importlib.import_module(found.name)


def test_every_machine_of_the_core_is_complete() -> None:
    modules = list(core_modules())
    assert any(hasattr(module, "REJECTED") for module in modules)
    assert [f"{module.__name__}: {fault}" for module in modules for fault in architecture.machine_faults(module)] == []


def test_what_the_package_exports_is_sorted_and_there() -> None:
    assert agent.__all__ == sorted(agent.__all__)
    assert [name for name in agent.__all__ if not hasattr(agent, name)] == []


# That each rule can fail.

LONG_FUNCTION = "def f() -> None:\n" + "    pass\n" * architecture.FUNCTION_LINES
OFFENCES: list[tuple[Rule, str, str]] = [
    (architecture.long_modules, "\n" * (architecture.MODULE_LINES + 1), "has 501 lines"),
    (architecture.long_functions, LONG_FUNCTION, "f has 51 lines"),
    (architecture.long_functions, "class C:\n    async " + LONG_FUNCTION.replace("\n", "\n    "), "f has 51 lines"),
    (architecture.missing_docstring, "x = 1", "has no docstring"),
    (architecture.mutable_state, "cache = {}", "cache is mutable"),
    (architecture.mutable_state, "cache: dict[str, str] = dict()", "cache is mutable"),
    (architecture.mutable_state, "seen = {n for n in range(3)}", "seen is mutable"),
    (architecture.mutable_state, "queue = collections.deque()", "queue is mutable"),
    (architecture.mutable_state, "def f():\n    global count\n    count = 1", "global count"),
    (architecture.hidden_cycles, "if TYPE_CHECKING:\n    import x", "line 1: TYPE_CHECKING"),
    (architecture.hidden_cycles, "if typing.TYPE_CHECKING:\n    import x", "line 1: TYPE_CHECKING"),
    (architecture.broad_excepts, "try:\n    f()\nexcept:\n    pass", "line 3: except"),
    (architecture.broad_excepts, "try:\n    f()\nexcept Exception:\n    pass", "line 3: except Exception"),
    (architecture.broad_excepts, "try:\n    f()\nexcept (A, BaseException):\n    pass", "line 3: except (A, Base"),
]


@pytest.mark.parametrize(("rule", "source", "complaint"), OFFENCES, ids=[entry[2] for entry in OFFENCES])
def test_an_offence_is_found(rule: Rule, source: str, complaint: str) -> None:
    found = list(rule(source))
    assert len(found) >= 1
    assert found[0].startswith(complaint)


INNOCENT = '''"""A docstring."""
__all__ = ["LIMIT", "TABLE"]
LIMIT = 3
TABLE = MappingProxyType({"a": [1]})
NAMES = frozenset({"a"})
def f(n):
    """Local state is nobody else's."""
    seen = {}
    try:
        g()
    except (KeyError, ValueError):
        pass
'''


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _, _ in OFFENCES))
def test_the_innocent_are_left_alone(rule: Rule) -> None:
    assert list(rule(INNOCENT)) == []


@pytest.mark.parametrize("path", ["agent/core/util.py", "agent/misc/x.py", "tests/test_common.py"])
def test_an_empty_name_is_found(path: str) -> None:
    assert len(list(architecture.empty_names(Path(path)))) == 1


class State(Enum):
    FIRST = auto()
    LAST = auto()


class Input(Enum):
    GO = auto()
    STOP = auto()


TO_LAST = SimpleNamespace(next_state=State.LAST)
TO_FIRST = SimpleNamespace(next_state=State.FIRST)


def machine(table: dict[tuple[State, Input], SimpleNamespace], *rejected: tuple[Enum, Enum]) -> ModuleType:
    module = ModuleType("machine")
    module.__dict__["INITIATOR"] = MappingProxyType(table)
    module.__dict__["REJECTED"] = frozenset(rejected)
    return module


REST = ((State.FIRST, Input.STOP), (State.LAST, Input.GO), (State.LAST, Input.STOP))


def test_a_complete_machine_has_no_fault() -> None:
    assert list(architecture.machine_faults(machine({(State.FIRST, Input.GO): TO_LAST}, *REST))) == []


def test_a_pair_that_was_forgotten_is_found() -> None:
    found = list(architecture.machine_faults(machine({(State.FIRST, Input.GO): TO_LAST}, *REST[1:])))
    assert found == ["(FIRST, STOP) is neither a step nor rejected"]


def test_a_pair_in_both_is_found() -> None:
    found = list(
        architecture.machine_faults(machine({(State.FIRST, Input.GO): TO_LAST}, (State.FIRST, Input.GO), *REST))
    )
    assert found == ["(FIRST, GO) is a step and rejected"]


def test_a_state_that_nothing_leads_to_is_found() -> None:
    found = list(architecture.machine_faults(machine({(State.FIRST, Input.GO): TO_FIRST}, *REST)))
    assert found == ["INITIATOR: LAST cannot be reached"]


def test_a_rejected_pair_of_another_machine_is_found() -> None:
    class Stranger(Enum):
        STATE = auto()

    stray = (Stranger.STATE, Input.GO)
    found = list(architecture.machine_faults(machine({(State.FIRST, Input.GO): TO_LAST}, *REST, stray)))
    assert found == ["(STATE, GO) is rejected, but of no table"]
