"""The pytest plugin, as somebody else's tests use it: each run is a pytest of its own, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIPELINE = ROOT / "scripts" / "examples" / "pipeline"
TESTS = """
import pytest

@pytest.mark.ipsec_scenario("chapter", time_scale="step", seed=7)
class TestMarked:
    def test_the_marker_says_what_the_device_is(self, ipsec_device):
        assert ipsec_device.now.year == 2003
        assert ipsec_device.advance(hours=1).hour == 13
        with ipsec_device.netconf() as session:
            session.get_config("running")
        assert [each.operation for each in ipsec_device.requests] == ["get-config", "close-session"]

    def test_each_test_has_a_device_of_its_own(self, ipsec_device):
        assert ipsec_device.now.hour == 12
        assert ipsec_device.requests == ()

def test_without_a_marker_it_is_the_demo(ipsec_device):
    assert ipsec_device.peer("198.51.100.1").established == 1

def test_the_factory_makes_several(ipsec_device_factory):
    one, other = ipsec_device_factory("chapter", seed=1), ipsec_device_factory("chapter", seed=2)
    assert one.port != other.port

@pytest.mark.ipsec_scenario("chapter")
def test_that_fails(ipsec_device):
    ipsec_device.peer("4.4.4.4").unreachable()
    with ipsec_device.netconf() as session:
        session.get_config("running")
    ipsec_device.expect_event("tunnel-switched", within_hours=1)
    raise AssertionError("on purpose")
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, with the plugin and no other, and with no configuration of ours."""
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(folder), str(folder)]
    options = ["-p", "agent.app.plugin", "-p", "no:cacheprovider", "--strict-markers", "-rA", *arguments]
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [*command, *options], env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=100
    )


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest prints of TESTS."""
    folder = tmp_path_factory.mktemp("pipeline")
    (folder / "test_script.py").write_text(TESTS)
    return run(folder, f"--basetemp={folder / 'temporary'}").stdout


def test_fixtures_and_marker_do_what_they_say(outcome: str) -> None:
    passed = [line.partition("::")[2] for line in outcome.splitlines() if line.startswith("PASSED")]
    assert passed == [
        "TestMarked::test_the_marker_says_what_the_device_is",
        "TestMarked::test_each_test_has_a_device_of_its_own",
        "test_without_a_marker_it_is_the_demo",
        "test_the_factory_makes_several",
    ], outcome


def test_beside_a_failure_stands_what_happened_to_the_device(outcome: str) -> None:
    _, _, beside = outcome.partition("- ipsec_device at 127.0.0.1:")
    assert "peer-unreachable remote-address=4.4.4.4" in beside
    assert "admin: get-config: ok" in beside
    journal = next(line.removeprefix("journal: ") for line in beside.splitlines() if line.startswith("journal: "))
    assert '"event":"tunnel-switched"' in Path(journal).read_text()


def test_beside_a_success_stands_nothing(outcome: str) -> None:
    assert outcome.count("- ipsec_device at 127.0.0.1:") == 1


def test_the_pipeline_finds_that_the_script_misses_a_rekey() -> None:
    done = run(PIPELINE)
    summary = done.stdout.splitlines()
    assert done.returncode == 1, done.stdout + done.stderr
    assert [line.partition(" - ")[0] for line in summary if line.startswith("FAILED")] == [
        "FAILED test_outage_check.py::test_a_rekey_is_no_outage"
    ]
    assert len([line for line in summary if line.startswith("PASSED")]) == 2
    assert "ipsec-sa-rekeyed name=sa-branch" in done.stdout, "the reason stands beside the failure"


def test_the_pipeline_passes_once_the_script_is_mended() -> None:
    done = run(PIPELINE, "--script", "outage_check_mended")
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_of_the_device_is_imported_before_a_test_asks_for_one() -> None:
    loaded = "import sys, pytest; had = set(sys.modules); import agent.app.plugin; print(*(set(sys.modules) - had))"
    done = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"agent", "agent.app", "agent.app.plugin"}


def test_the_product_does_without_pytest() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert not [each for each in project["dependencies"] if each.startswith(("pytest", "ncclient"))]
    asked = "import sys, agent; agent.Device; print(sorted({'pytest', '_pytest', 'ncclient'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_pytest_finds_the_plugin_by_its_entry_point() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        ((name, module),) = tomllib.load(file)["project"]["entry-points"]["pytest11"].items()
    assert name == module
    assert hasattr(import_module(module), "ipsec_device")
