"""Enumerations that tables are keyed by: their members hash by identity, in C, where Enum hashes a name in Python."""

from enum import Enum


class Enumeration(Enum):
    """An Enum whose members are cheap keys: there is one object for each, so that identity tells them apart."""

    __hash__ = object.__hash__
