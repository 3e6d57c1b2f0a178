"""What a device boots with once it was kept in the state directory: the startup datastore, the certificate database."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from agent.app.configuration_file import ConfigurationFile
from agent.app.errors import StateError
from agent.app.state import StateDirectory
from agent.core.pki import DatabaseState

STARTUP: Final = "startup.xml"
ROLLBACK: Final = "rollback.xml"
CERTIFICATES: Final = "certificates"
CAPABILITIES: Final = "capabilities"
log: Final = logging.getLogger(__name__)
_START: Final = b'<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">'
_END: Final = b"</config>\n"


class _Configuration:
    """A configuration in a file of one state directory."""

    def __init__(self, state: StateDirectory, name: str) -> None:
        self._state = state
        self._name = name

    def load(self) -> ConfigurationFile | None:
        """Return what was kept, None when nothing is. StateError when it cannot be read."""
        xml = self._state.read(self._name)
        return None if xml is None else ConfigurationFile(str(self._state.path / self._name), xml)

    def set_aside(self, reason: str) -> None:
        """Give the file another name, and say in the log which and why. StateError when that cannot be done."""
        target = self._state.set_aside(self._name)
        log.error(
            "%s\n%s is damaged, or of another program: nothing of it is used, and it is %s now",
            reason,
            self._name,
            target,
        )

    def _replace(self, xml: bytes | None) -> None:
        try:
            if xml is None:
                self._state.remove(self._name)
            else:
                self._state.write(self._name, _START + xml + _END)
        except StateError as error:
            raise OSError(str(error)) from error


class Startup(_Configuration):
    """The startup configuration of one state directory; satisfies gateway.StartupKeeper."""

    def __init__(self, state: StateDirectory) -> None:
        """Use a directory that is ours."""
        super().__init__(state, STARTUP)

    def keep(self, xml: bytes) -> None:
        """Keep top-level elements, or forget what was kept when there are none. OSError when that cannot be done."""
        self._replace(xml or None)


class Rollback(_Configuration):
    """What a commit that waits to be confirmed goes back to; satisfies gateway.RollbackKeeper."""

    def __init__(self, state: StateDirectory) -> None:
        """Use a directory that is ours."""
        super().__init__(state, ROLLBACK)

    def keep(self, xml: bytes | None) -> None:
        """Keep top-level elements, or forget them. OSError when that cannot be done."""
        self._replace(xml)


class KeptCapabilities:
    """What the server announced when it was last started; satisfies gateway.CapabilityKeeper."""

    def __init__(self, state: StateDirectory) -> None:
        """Use a directory that is ours."""
        self._state = state

    def load(self) -> tuple[str, ...]:
        """Return what was announced last; nothing at the first start. StateError when it cannot be read."""
        return tuple((self._state.read(CAPABILITIES) or b"").decode("utf-8", "replace").splitlines())

    def keep(self, capabilities: Sequence[str]) -> None:
        """Keep what is announced now. StateError when that cannot be done."""
        self._state.write(CAPABILITIES, "".join(f"{uri}\n" for uri in capabilities).encode())


class KeptCertificates:
    """The certificate database of one state directory; satisfies gateway.CertificateKeeper."""

    def __init__(self, state: StateDirectory) -> None:
        """Use a directory that is ours."""
        self._state = state

    def load(self) -> DatabaseState | None:
        """Return what was kept, None when nothing is. StateError when it cannot be read, or is none of ours."""
        octets = self._state.read(CERTIFICATES)
        if octets is None:
            return None
        try:
            return DatabaseState.decode(octets)
        except ValueError as error:
            raise StateError(f"{self._state.path / CERTIFICATES}: {error}; --reset forgets it") from error

    def keep(self, state: DatabaseState) -> None:
        """Keep the database as it is now; what cannot be kept is lost with the process, and the log says so."""
        try:
            self._state.write(CERTIFICATES, state.encode())
        except StateError as error:
            log.error("the certificate database is not kept: %s", error)
