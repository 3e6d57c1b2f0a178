"""How many descriptors this process holds."""

from __future__ import annotations

import os
from pathlib import Path

FOLDERS = (Path("/proc/self/fd"), Path("/dev/fd"))


def open_files() -> int:
    """Count the descriptors that are open."""
    folder = next(folder for folder in FOLDERS if folder.is_dir())
    return len(os.listdir(folder))
