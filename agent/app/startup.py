"""The startup datastore as a file of the state directory: what a device boots with, once somebody has kept it."""

from __future__ import annotations

from typing import Final

from agent.app.configuration_file import ConfigurationFile
from agent.app.errors import StateError
from agent.app.state import StateDirectory

FILE: Final = "startup.xml"
_START: Final = b'<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">'
_END: Final = b"</config>\n"


class Startup:
    """The startup configuration of one state directory; satisfies gateway.StartupKeeper."""

    def __init__(self, state: StateDirectory) -> None:
        """Use a directory that is ours."""
        self._state = state

    def load(self) -> ConfigurationFile | None:
        """Return what was kept, None when nothing is. StateError when it cannot be read."""
        xml = self._state.read(FILE)
        return None if xml is None else ConfigurationFile(str(self._state.path / FILE), xml)

    def keep(self, xml: bytes) -> None:
        """Keep top-level elements, or forget what was kept when there are none. OSError when that cannot be done."""
        try:
            if xml:
                self._state.write(FILE, _START + xml + _END)
            else:
                self._state.remove(FILE)
        except StateError as error:
            raise OSError(str(error)) from error
