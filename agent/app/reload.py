"""The settings file read again, on SIGHUP: who may log in, the certificates of TLS, limits, and how much is logged.

Invariant: a file that cannot be used changes nothing. What has taken hold of a port, a file or a thread when the
program began is left as it was, and the log says so; so are the certificates of TLS where new ones are of no use.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agent.app import logs, tls_identity
from agent.app.consoles import Consoles
from agent.app.doors import Doors, tls_hosts
from agent.app.errors import AppError, SettingsError
from agent.app.limits import device_limits, session_limits
from agent.app.running import Gateway
from agent.app.settings import ServeOptions, Settings, TlsSettings
from agent.app.settings_file import load_settings
from agent.app.state import StateDirectory
from agent.app.users import Users, choose_users
from agent.transport.ssh_connection import TRANSPORT as OVER_SSH

log: Final = logging.getLogger(__name__)
AT_THE_NEXT_START: Final = ("listen", "call_home", "audit", "monitoring", "ike", "run_as")
"""The settings that are read once."""


@dataclass(slots=True)
class Reload:
    """What is told of settings that have changed."""

    options: ServeOptions
    """With the settings that the program began with."""
    passwords: Mapping[str, str]
    """The default passwords of the scenario."""
    gateway: Gateway
    users: Users
    doors: Doors
    consoles: Consoles
    state: StateDirectory

    def from_file(self) -> bool:
        """Read the settings file again; False, with a word in the log, when nothing has come of it."""
        path = self.options.settings_file
        if path is None:
            log.warning("there is no settings file to read again")
            return False
        try:
            settings = load_settings(path)
            called = [endpoint for client in self.options.settings.call_home for endpoint in client.endpoints]
            users = choose_users(settings.users, self.passwords, self.options.listen, called)
        except AppError as error:
            log.error("the settings stay as they were: %s", error)
            return False
        self._adopt(settings, users)
        return True

    def _adopt(self, settings: Settings, users: Users) -> None:
        self._warn(settings)
        self.users.become(users)
        self.doors.limit(settings.limits)
        self._identify(settings.tls)
        server = self.gateway.server
        server.limits = session_limits(settings.limits)
        self.gateway.limit(device_limits(settings.limits))
        server.let_recover([user.name for user in settings.users or () if user.may_recover])
        logs.set_level(settings.log.level)
        for opened in tuple(server.sessions.values()):
            if opened.client.transport == OVER_SSH and opened.client.user not in users.names:
                opened.session.leave()
        self.consoles.dismiss()
        log.info("the settings were read again")

    def _identify(self, tls: TlsSettings | None) -> None:
        """Read the certificates of TLS again: the files may be others, though the settings are not."""
        if tls is None or self.options.settings.tls is None:
            return
        try:
            self.doors.identify(*tls_identity.load(tls, self.state, tls_hosts(self.options)))
        except SettingsError as error:
            log.error("the certificates of TLS stay as they were: %s", error)

    def _warn(self, settings: Settings) -> None:
        """Name what has changed and is not taken over."""
        old = self.options.settings
        kept = [name for name in AT_THE_NEXT_START if getattr(old, name) != getattr(settings, name)]
        kept += ["tls"] if (old.tls is None) != (settings.tls is None) else []
        kept += ["log.format"] if old.log.format is not settings.log.format else []
        for name in kept:
            log.warning("%s: takes effect at the next start", name.replace("_", "-"))
