"""What may stop the program: each error is one message for the user and the exit code that goes with it."""

from __future__ import annotations

from typing import ClassVar


class AppError(Exception):
    """Ends the program with its message on stderr, and no traceback."""

    exit_code: ClassVar[int] = 1
    """1: refused; 2: the command line or the settings are at fault."""


class SettingsError(AppError):
    """The options or the settings file cannot be used; the message names the place and what is allowed."""

    exit_code: ClassVar[int] = 2


class StateError(AppError):
    """The state directory cannot be used; the message names it."""
