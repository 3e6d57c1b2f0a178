"""The doors to a gateway: every address that NETCONF is listened for on, and every client that is called.

Invariant: who may come in, and how many, is the same at every door.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from agent.app import tls_identity
from agent.app.errors import SettingsError
from agent.app.limits import admission_limits, ssh_limits, throttle_limits
from agent.app.settings import CallHome, Kind, Limits, ListenAddress, ServeOptions
from agent.app.state import StateDirectory
from agent.transport import callhome, ssh, ssh_connection, tls
from agent.transport.admission import Admission
from agent.transport.certificate_names import CertificateNames
from agent.transport.endpoint import Authenticator, ConsoleFactory, SessionFactory
from agent.transport.login_throttle import LoginThrottle
from agent.transport.ssh_connection import SshService, refuse_consoles
from agent.transport.turns import Turns

log: Final = logging.getLogger(__name__)

Adopt = Callable[[socket.socket], Awaitable[bool]]
"""Serves a connection that we have made until it is over; returns whether anybody had logged in."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What is behind the doors, and who may come in."""

    authenticator: Authenticator
    sessions: SessionFactory
    before_input: Callable[[], object]
    refused: Callable[[str, str, str], object] = lambda user, host, transport: None
    """Learns who was not let in: who they said they were, if they did, where they came from, and over what."""
    consoles: ConsoleFactory = refuse_consoles
    after_input: Callable[[], object] = lambda: None


class Doors:
    """The listeners, and the calls that are being made."""

    def __init__(self, ssh_listener: ssh.Listener, tls_listener: tls.Listener | None, admission: Admission) -> None:
        """Use `open_doors`."""
        self.admission = admission
        self._ssh = ssh_listener
        self._tls = tls_listener
        self._calls: list[asyncio.Task[None]] = []

    @property
    def addresses(self) -> tuple[ListenAddress, ...]:
        """Every address that is listened on, with the ports that were taken for 0; those of SSH first."""
        found = [ListenAddress(*address) for address in self._ssh.addresses]
        if self._tls is not None:
            found += [ListenAddress(*address, Kind.TLS) for address in self._tls.addresses]
        return tuple(found)

    def limit(self, limits: Limits) -> None:
        """Let people in within other limits from now on: connections that there are keep those of their own."""
        self.admission.limits = admission_limits(limits)
        self._ssh.limit(ssh_limits(limits))
        self._ssh.service.throttle.limits = throttle_limits(limits)
        if self._tls is not None:
            self._tls.service = replace(self._tls.service, login_seconds=limits.login_seconds)

    def identify(self, context: ssl.SSLContext, names: CertificateNames) -> None:
        """Show another certificate over TLS, and know clients by others, from now on; sessions that there are stay."""
        if self._tls is not None:
            self._tls.service = replace(self._tls.service, context=context, user_of=names.user)

    async def listen(self, addresses: Sequence[ListenAddress]) -> None:
        """Listen on addresses. OSError when one cannot be had, and then none is listened on."""
        try:
            for address in addresses:
                listener = self._ssh if address.kind is Kind.SSH else self._tls
                if listener is not None:
                    await listener.open(address.host, address.port)
        except OSError:
            await self.close()
            raise

    def call(self, clients: Sequence[CallHome]) -> None:
        """Call clients from now on."""
        adopt = {Kind.SSH: self._ssh.adopt, **({} if self._tls is None else {Kind.TLS: self._tls.adopt})}
        for client in clients:
            dials = [partial(_dial, client.name, endpoint, adopt[endpoint.kind]) for endpoint in client.endpoints]
            self._calls.append(asyncio.create_task(callhome.call(_plan(client), dials, asyncio.sleep)))

    async def close(self) -> None:
        """Let nobody in any more, and return when everybody has gone."""
        for call in self._calls:
            call.cancel()
        await self._ssh.close()
        if self._tls is not None:
            await self._tls.close()


def open_doors(options: ServeOptions, inside: Inside, state: StateDirectory) -> Doors:
    """Make the doors, with nothing listened on yet. SettingsError when TLS is asked for and cannot be served."""
    limits = options.settings.limits
    admission = Admission(admission_limits(limits))
    return Doors(
        ssh.Listener(ssh_service(limits, inside, admission), state.host_keys()),
        _tls_listener(options, inside, state, admission),
        admission,
    )


def ssh_service(limits: Limits, inside: Inside, admission: Admission) -> SshService:
    """Return what a listener for SSH serves, and within which limits."""
    return SshService(
        inside.authenticator,
        inside.sessions,
        inside.before_input,
        ssh_limits(limits),
        admission,
        LoginThrottle(throttle_limits(limits)),
        refused=lambda user, host: inside.refused(user, host, ssh_connection.TRANSPORT),
        consoles=inside.consoles,
        turns=Turns(inside.before_input, inside.after_input),
        after_input=inside.after_input,
    )


def tls_hosts(options: ServeOptions) -> list[str]:
    """Return the hosts that a certificate of our own has to name."""
    return [address.host for address in options.listen if address.kind is Kind.TLS]


def check_tls(options: ServeOptions) -> None:
    """Raise SettingsError when something is to run over TLS, and the settings do not say how."""
    settings = options.settings
    wanted = (*options.listen, *(endpoint for client in settings.call_home for endpoint in client.endpoints))
    over_tls = [address for address in wanted if address.kind is Kind.TLS]
    if over_tls and settings.tls is None:
        raise SettingsError(f"tls:{over_tls[0]} needs a table [tls] in the settings file, which says whom to trust")


def _tls_listener(
    options: ServeOptions, inside: Inside, state: StateDirectory, admission: Admission
) -> tls.Listener | None:
    settings = options.settings.tls
    if settings is None:
        return None
    context, names = tls_identity.load(settings, state, tls_hosts(options))
    login_seconds = options.settings.limits.login_seconds
    service = tls.TlsService(
        context,
        names.user,
        inside.sessions,
        inside.before_input,
        admission,
        login_seconds,
        turns=Turns(inside.before_input, inside.after_input),
        after_input=inside.after_input,
        refused=lambda host: inside.refused("", host, tls.TRANSPORT),
    )
    return tls.Listener(service)


def _plan(client: CallHome) -> callhome.CallPlan:
    last = client.start_with_last
    return callhome.CallPlan(
        period=client.period_seconds or None,
        start_with=callhome.StartWith.LAST_CONNECTED if last else callhome.StartWith.FIRST_LISTED,
        attempts=client.attempts,
        longest_wait=client.longest_wait_seconds,
    )


async def _dial(name: str, endpoint: ListenAddress, adopt: Adopt) -> bool:
    try:
        return await adopt(await callhome.connect(endpoint.host, endpoint.port))
    except OSError as error:
        log.info("call home: %s at %s %s: %s", name, endpoint.kind.value, endpoint, error)
        return False
