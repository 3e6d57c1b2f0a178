"""Root's privileges, and how they are given up once the ports are taken.

Invariant: after `drop` there is no way back, and what is in the state directory belongs to whom it has dropped to.
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.app.errors import SettingsError

ROOT: Final = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the process is to be: a user, a group, and the further groups of the user."""

    name: str
    user_id: int
    group_id: int
    groups: tuple[int, ...]


def find_identity(run_as: str) -> Identity | None:
    """Return who ``USER`` or ``USER:GROUP`` is; None when the process is that already.

    SettingsError for one that there is not, for root, and when the process is somebody else and not root.
    """
    user, _, group = run_as.partition(":")
    try:
        entry = pwd.getpwnam(user)
        group_id = grp.getgrnam(group).gr_gid if group else entry.pw_gid
    except KeyError as error:
        raise SettingsError(f"run-as: {run_as!r}: there is no such user or group here") from error
    if entry.pw_uid == ROOT:
        raise SettingsError("run-as: is somebody other than root")
    if os.geteuid() == entry.pw_uid:
        return None
    if os.geteuid() != ROOT:
        raise SettingsError(f"run-as: only root can become {user}")
    return Identity(user, entry.pw_uid, group_id, tuple(os.getgrouplist(user, group_id)))


def become(run_as: str, *folders: Path) -> None:
    """Be ``USER`` or ``USER:GROUP`` from now on, and give folders to them; SettingsError when that cannot be."""
    identity = find_identity(run_as)
    if identity is None:
        return
    drop(identity, *folders)
    for folder in folders:
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise SettingsError(f"run-as: {identity.name} cannot get to {folder}: look at the folders above it")


def drop(identity: Identity, *folders: Path) -> None:
    """Give folders and all that is in them to somebody, and be nobody but them from now on."""
    for folder in folders:
        _give(folder, identity)
    os.setgroups(identity.groups)
    os.setresgid(identity.group_id, identity.group_id, identity.group_id)
    os.setresuid(identity.user_id, identity.user_id, identity.user_id)
    os.umask(0o077)


def _give(folder: Path, identity: Identity) -> None:
    """Give away what is in a folder; of a link the link itself, not what it leads to."""
    os.chown(folder, identity.user_id, identity.group_id, follow_symlinks=False)
    for _, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *files):
            os.chown(name, identity.user_id, identity.group_id, dir_fd=descriptor, follow_symlinks=False)
