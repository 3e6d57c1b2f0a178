"""The settings of those who operate the program: log, audit log, monitoring, and who it is to run as."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.app.errors import SettingsError
from agent.app.limits import ike_settings
from agent.app.settings import AuditSettings, ExponentReuse, Limits, ListenAddress, LogFormat, LogSettings, Settings
from agent.app.settings_file import load_settings
from agent.core.world import SECOND


def load(folder: Path, text: str) -> Settings:
    """Load settings of this text."""
    path = folder / "settings.toml"
    path.write_text(text)
    return load_settings(path)


def test_without_a_word_there_is_a_log_as_text_and_nothing_else(tmp_path: Path) -> None:
    settings = load(tmp_path, "")
    assert settings.log == LogSettings("info", LogFormat.TEXT)
    assert settings.audit == AuditSettings()
    assert settings.monitoring is None
    assert settings.run_as is None


def test_everything_can_be_said(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        'run-as = "ann:staff"\n[log]\nlevel = "debug"\nformat = "json"\n[monitoring]\nlisten = "[::1]:9830"\n'
        '[audit]\nfile = "audit/log"\nmax-bytes = 1000\nkeep = 0\nreads = true\n',
    )
    assert settings.run_as == "ann:staff"
    assert settings.log == LogSettings("debug", LogFormat.JSON)
    assert settings.monitoring == ListenAddress("::1", 9830)
    assert settings.audit == AuditSettings(tmp_path / "audit" / "log", 1000, 0, True)


def test_each_negotiation_has_an_exponent_of_its_own_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    as_is = ike_settings(Limits(), load(tmp_path, "").ike, None)
    assert as_is.exponent_uses == 1
    said = load(tmp_path, "[ike]\nexponent-uses = 100\nexponent-seconds = 30\n").ike
    assert said == ExponentReuse(100, 30)
    settings = ike_settings(Limits(), said, None)
    assert (settings.exponent_uses, settings.exponent_lifetime_us) == (100, 30 * SECOND)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[log]\nlevel = "loud"', "log.level: is one of debug, info, warning, error"),
        ('[log]\nformat = "xml"', "log.format: is one of text, json"),
        ("[log]\ncolour = true", "log.colour: is not known here; known are level, format"),
        ("[audit]\nreads = 1", "audit.reads: is true or false"),
        ("[audit]\nmax-bytes = -1", "audit.max-bytes: is a number, 0 or more"),
        ("[monitoring]", "monitoring.listen: is needed"),
        ('[monitoring]\nlisten = "192.0.2.1:80"', "monitoring.listen: is no loopback address"),
        ('[monitoring]\nlisten = "here"', "is not HOST:PORT"),
        ("run-as = 0", "run-as: is a string"),
        ("[ike]\nexponent-uses = 0", "ike.exponent-uses: is 1 or more"),
        ("[ike]\nexponents = 2", "ike.exponents: is not known here; known are exponent-uses, exponent-seconds"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, text)
    assert complaint in str(refused.value)
