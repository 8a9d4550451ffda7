"""A setting or a command that no document explains does not exist for the person who needs it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from tests.house.documented import (
    ROOT,
    options,
    our_commands,
    our_sources,
    parser_of,
    sections,
    variables,
    words_of,
)

SETTINGS = (ROOT / "docs" / "settings.md").read_text()
COMMANDS = (ROOT / "docs" / "commands.md").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
READ = variables(our_sources())
EXPLAINED = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", SETTINGS, flags=re.M))
SET_BY_DJANGO = {"settings", "pythonpath", "verbosity", "traceback", "no_color", "force_color", "skip_checks"}
NOT_FOR_DOT_ENV = {"TOVGOV_ENV_FILE", "Q_CLUSTER_NAME", "DJANGO_SETTINGS_MODULE"}


def test_there_is_something_to_explain() -> None:
    assert {"TOVGOV_VAR", "DATABASE_URL", "TOVGOV_USER", "TOVGOV_SPOOL", "Q_CLUSTER_NAME"} <= set(READ)


def test_every_variable_is_explained() -> None:
    missing = {name: str(file.relative_to(ROOT)) for name, file in READ.items() if name not in EXPLAINED}
    assert missing == {}, "explain these in docs/settings.md"


def test_no_variable_is_explained_that_nothing_reads() -> None:
    assert set(READ) >= EXPLAINED


def test_every_variable_stands_in_the_example() -> None:
    lines = set(re.findall(r"^#?([A-Z0-9_]+)=", EXAMPLE, flags=re.M))
    assert lines == set(READ) - NOT_FOR_DOT_ENV


def test_every_command_is_explained() -> None:
    assert set(our_commands()) - set(sections(COMMANDS)) == set(), (
        "explain these in docs/commands.md, each under ## `name`"
    )


def test_no_command_is_explained_that_is_not_there() -> None:
    assert set(sections(COMMANDS)) - set(our_commands()) == {""}


@pytest.mark.parametrize("name", sorted(our_commands()))
def test_every_option_is_explained(name: str) -> None:
    parts = sections(COMMANDS)
    words = parts[""] + parts.get(name, "")
    explained = set(re.findall(r"--[a-z][a-z0-9-]*", words))
    assert our_commands()[name] - explained == set(), f"explain these in docs/commands.md under ## `{name}`"


@pytest.mark.parametrize("name", sorted(our_commands()))
def test_no_word_of_a_command_takes_the_place_of_an_option_of_djangos(name: str) -> None:
    """``manage.py`` sets these for every command before it runs: a word called ``settings`` ends it with a traceback.
    A call from Python never comes there."""
    taken = [action.metavar or action.dest for action in words_of(parser_of(name)) if action.dest in SET_BY_DJANGO]
    assert taken == []


# --- the checker itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        'x = env.str("TOVGOV_NEW")',
        'x = env.bool("TOVGOV_NEW", default=False)',
        'x = path("TOVGOV_NEW", HERE)',
        'x = os.environ["TOVGOV_NEW"]',
        'x = os.environ.get("TOVGOV_NEW", "")',
        'x = environ.get("TOVGOV_NEW")',
        'x = os.getenv("TOVGOV_NEW")',
        'NAME = "TOVGOV_NEW"\nx = os.environ[NAME]',
        'def deep():\n    return environment.env.int("TOVGOV_NEW")',
    ],
)
def test_checker_sees_a_variable(line: str) -> None:
    assert set(variables({Path("made_up.py"): line})) == {"TOVGOV_NEW"}


@pytest.mark.parametrize(
    "line", ['x = row.get("TOVGOV_NEW")', 'x = "TOVGOV_NEW"', 'x = env.str("lower")', "x = env.str(name)"]
)
def test_checker_sees_nothing_else(line: str) -> None:
    assert variables({Path("made_up.py"): line}) == {}


def test_checker_sees_options_of_verbs() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--top", "-t")
    parser.add_argument("--hidden", help=argparse.SUPPRESS)
    verb = parser.add_subparsers().add_parser("verb")
    verb.add_argument("--deep")
    assert options(parser) == {"--top", "--deep"}


def test_checker_divides_a_document_by_its_headings() -> None:
    assert sections("head\n## `up`\none\n## `down`\ntwo\n") == {"": "head\n", "up": "\none\n", "down": "\ntwo\n"}
