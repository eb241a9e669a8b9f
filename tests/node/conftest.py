"""What a node leaves behind when it stops is collected here, and not during some later test of something else."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """A node that stops leaves connections still in their TLS handshake to the end of its process: here it goes on."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The same for what is collected while a test of a node still runs."""
    for item in items:
        if item.nodeid.startswith("tests/node/"):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"))
