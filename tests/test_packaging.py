"""What an installed wheel holds: the YANG modules and the scenarios are in it, and are found."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIST_RESOURCES = """
from importlib.resources import files
for folder in ("yang", "scenarios"):
    for file in files("agent").joinpath(folder).iterdir():
        print(f"{folder}/{file.name}")
"""


def in_checkout(*patterns: str) -> list[str]:
    """What the checkout holds, by its path in the package."""
    return sorted(
        path.relative_to(ROOT / "agent").as_posix()
        for pattern in patterns
        for path in (ROOT / "agent").glob(pattern)
        if path.is_file()
    )


DATA = in_checkout("yang/*.yang", "scenarios/*")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built from a copy so that nothing is left in the checkout, and without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("agent", "yang"):
        shutil.copytree(ROOT / name, folder / "src" / name, symlinks=True)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / "src")
    pip(["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(folder / "src")])
    (built,) = folder.glob("*.whl")
    return built


def pip(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_there_are_modules_and_scenarios_to_ship() -> None:
    assert "yang/ipsec-agent-ike.yang" in DATA
    assert any(name.startswith("scenarios/") for name in DATA)


def test_the_wheel_is_pure_python(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_wheel_holds_every_module_of_the_package_and_no_test(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= {f"agent/{name}" for name in in_checkout("**/*.py")}
    assert not any(name.startswith(("tests/", "scripts/", "yang/")) for name in names)


def test_the_wheel_holds_yang_modules_and_scenarios(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert sorted(name for name in names if name.startswith(("agent/yang/", "agent/scenarios/"))) == [
        f"agent/{name}" for name in sorted(DATA)
    ]


def test_the_wheel_has_types_and_the_pytest_plugin(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
        assert "[pytest11]\nagent.app.plugin = agent.app.plugin\n" in archive.read(entry_points).decode()
    assert {"agent/py.typed", "agent/__init__.pyi"} <= set(names)


def test_an_installed_package_finds_them(wheel: Path, tmp_path: Path) -> None:
    pip(["install", "--no-deps", "--no-index", "--target", str(tmp_path / "site"), str(wheel)])
    listed = subprocess.run(
        [sys.executable, "-c", LIST_RESOURCES],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(listed.stdout.split()) == sorted(DATA)
