"""The limits of the settings, as each part of the program takes them."""

from __future__ import annotations

from dataclasses import replace

from agent.app import real_peers
from agent.app.running import DeviceLimits
from agent.app.settings import ExponentReuse, Limits
from agent.core.config import IkeSettings
from agent.core.device import DECISION_US
from agent.core.pki import CertificateLimits
from agent.core.world import SECOND
from agent.datastore.xpath import XPathLimits
from agent.netconf.limits import SessionLimits
from agent.netconf.messages import DocumentLimits
from agent.netconf.subscribed.delivery import ReceiverLimits
from agent.netconf.url import FileLimits
from agent.transport.admission import AdmissionLimits
from agent.transport.login_throttle import ThrottleLimits
from agent.transport.ssh_connection import SshLimits
from agent.transport.udp import UdpSockets


def session_limits(limits: Limits) -> SessionLimits:
    """Return what a session of NETCONF may take."""
    return SessionLimits(
        limits.hello_seconds,
        limits.idle_seconds,
        total_seconds=limits.session_seconds,
        message_bytes=limits.message_bytes,
        message_chunks=limits.message_chunks,
        document=DocumentLimits(limits.message_depth, limits.message_attributes, limits.message_elements),
        subscriptions=limits.subscriptions,
        receiver=ReceiverLimits(
            limits.waiting_notifications, limits.waiting_changes_characters, limits.selection_characters
        ),
        waiting_input_bytes=limits.waiting_input_bytes,
        xpath=XPathLimits(
            limits.xpath_characters, limits.xpath_data_characters, limits.xpath_visits, limits.filter_matches
        ),
        files=FileLimits(limits.files, limits.file_bytes),
        partial_locks=limits.partial_locks,
        command_characters=limits.command_characters,
    )


def admission_limits(limits: Limits) -> AdmissionLimits:
    """Return how many are let in."""
    return AdmissionLimits(limits.sessions, limits.sessions_of_a_user, limits.logins, limits.connections)


def ssh_limits(limits: Limits) -> SshLimits:
    """Return what one connection over SSH may take."""
    return SshLimits(limits.login_seconds, limits.login_attempts, limits.channels_of_a_connection)


def throttle_limits(limits: Limits) -> ThrottleLimits:
    """Return how tries to log in are slowed down."""
    return ThrottleLimits(free_failures=limits.login_failures, longest_wait=limits.login_wait_seconds)


def device_limits(limits: Limits) -> DeviceLimits:
    """Return what others may take of the device."""
    return DeviceLimits(
        limits.half_open_ike,
        limits.half_open_ike_of_a_peer,
        CertificateLimits(limits.certificates, limits.certificate_bytes, limits.crl_bytes),
    )


def ike_settings(limits: Limits, exponents: ExponentReuse, sockets: UdpSockets | None) -> IkeSettings:
    """Return how the device's engine behaves, which real peers reach by sockets, if there are any."""
    settings = IkeSettings(decision_us=DECISION_US) if sockets is None else real_peers.ike_settings(sockets)
    return replace(
        settings,
        half_open_limit=limits.half_open_ike,
        half_open_limit_per_peer=limits.half_open_ike_of_a_peer,
        exponent_uses=exponents.negotiations,
        exponent_lifetime_us=exponents.seconds * SECOND,
    )
