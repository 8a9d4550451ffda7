"""Attacks leave nothing behind on a server, and each test looks at the whole of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import names


@pytest.fixture(autouse=True)
def attacks_to_ourselves() -> Iterator[None]:
    """One test at a time attacks."""
    with names.to_ourselves("tovgov_attack"):
        yield
