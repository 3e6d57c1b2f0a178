"""The startup datastore outlives the device; --reset forgets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.app.configuration_file import BadConfiguration
from agent.app.errors import StateError
from agent.app.startup import CERTIFICATES, STARTUP, KeptCertificates, Startup
from agent.app.state import StateDirectory
from tests.support.chapter import Emulation
from tests.support.netconf_wire import error, text, texts

KEEP = "<copy-config><target><startup/></target><source><running/></source></copy-config>"
FORGET = "<delete-config><target><startup/></target></delete-config>"
ADD = (
    "<edit-config><target><running/></target><config><ike xmlns='urn:ipsec-agent:ike'><proposal><name>added</name>"
    "<authentication-algorithm>md5</authentication-algorithm><encryption-algorithm>des-cbc</encryption-algorithm>"
    "<dh-group>group1</dh-group></proposal></ike></config></edit-config>"
)
IKE = '<ike xmlns="urn:ipsec-agent:ike"/>'
NAMES = "ike:ike/ike:proposal/ike:name"


def test_a_kept_configuration_is_what_the_next_boot_begins_with(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = Emulation(startup=Startup(state)).connect()
        wire.rpc(ADD)
        wire.rpc(KEEP)
        again = Emulation(startup=Startup(state))
        assert texts(again.connect().get_config(IKE), NAMES) == ["ike-proposal", "added"]
        assert next(iter(again.gateway.device.ike_sas.values())).is_matured, "the sealed key opens again"
        startup = again.connect().rpc(f"<get-config><source><startup/></source><filter>{IKE}</filter></get-config>")
        assert texts(startup, f"nc:data/{NAMES}") == ["ike-proposal", "added"]


def test_what_was_not_kept_is_gone_after_a_restart(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        Emulation(startup=Startup(state)).connect().rpc(ADD)
        assert not (tmp_path / STARTUP).exists()
        assert texts(Emulation(startup=Startup(state)).connect().get_config(IKE), NAMES) == ["ike-proposal"]


def test_no_secret_is_kept_as_it_was_given(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        Emulation(startup=Startup(state)).connect().rpc(KEEP)
        kept = (tmp_path / STARTUP).read_text()
    assert "$sealed$" in kept
    assert "between-" not in kept


def test_a_deleted_startup_leaves_no_file(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = Emulation(startup=Startup(state)).connect()
        wire.rpc(KEEP)
        wire.rpc(FORGET)
        assert not (tmp_path / STARTUP).exists()
        assert Startup(state).load() is None


def test_a_startup_that_is_refused_says_which_file_and_why(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        state.write(STARTUP, b'<config><ike xmlns="urn:ipsec-agent:ike"><nonsense/></ike></config>')
        with pytest.raises(BadConfiguration, match=r"startup\.xml.*nonsense"):
            Emulation(startup=Startup(state))


class FullDisk(Startup):
    """A state directory that takes nothing more."""

    def keep(self, xml: bytes) -> None:
        """Fail as a full disk does."""
        raise OSError(28, "No space left on device")


def test_a_startup_that_cannot_be_kept_is_refused_and_unchanged(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = Emulation(startup=FullDisk(state)).connect()
        refused = error(wire.rpc(KEEP))
        assert refused["error-tag"] == "operation-failed"
        assert "No space left" in refused["error-message"]
        reply = wire.rpc("<get-config><source><startup/></source></get-config>")
        assert text(reply, "nc:data") == ""


def test_a_directory_that_is_gone_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with StateDirectory.open(folder) as state:
        (folder / STARTUP).mkdir()
        with pytest.raises(StateError):
            Startup(state).load()


LIST = '<certificates xmlns="urn:ipsec-agent:certificates"><certificate><id/></certificate></certificates>'
IDS = "cert:certificates/cert:certificate/cert:id"


def delete(certificate: int) -> str:
    """Return the operation that deletes a certificate."""
    return f'<delete-certificate xmlns="urn:ipsec-agent:certificates"><id>{certificate}</id></delete-certificate>'


def test_the_certificate_database_is_what_it_was_before_a_restart(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        first = Emulation(certificates=KeptCertificates(state))
        wire = first.connect()
        assert sorted(texts(wire.get(LIST), IDS)) == ["1", "4", "5"]
        wire.rpc(delete(4))
        first.advance(120)
        again = Emulation(certificates=KeptCertificates(state)).connect()
        assert sorted(texts(again.get(LIST), IDS)) == ["1", "5"]


def test_a_damaged_certificate_database_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        state.write(CERTIFICATES, b"{nonsense")
        with pytest.raises(StateError, match=r"certificates: .*--reset"):
            Emulation(certificates=KeptCertificates(state))
