"""Fixtures of losses: a protected database to delete from."""

from tests.audit.undelete.conftest import place  # noqa: F401  # a fixture
