"""One server of the chapter for all tests of a module that only need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.served import Served, served


@pytest.fixture(scope="module")
def chapter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the scenario `chapter`."""
    with served(tmp_path_factory.mktemp("state") / "chapter", "--scenario", "chapter") as server:
        yield server
