"""What a person can set or call, found in the code, to be compared with what the documents say."""

from __future__ import annotations

import argparse
import ast
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).resolve().parents[2]
OURS = ("tovgov", "audit", "backups")
READERS = {
    "str",
    "bool",
    "int",
    "float",
    "list",
    "db_url",
    "path",
    "get",
    "getenv",
    "setdefault",
    "json",
    "url",
    "email_url",
}


def write(file: Path, page: Callable[[], str]) -> None:
    """Write a document that is made from the code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    file.write_text(page())


def variables(sources: dict[Path, str]) -> dict[str, Path]:
    """Environment variables that the sources read, each with a file that does; a name may be a constant there."""
    found: dict[str, Path] = {}
    for file, text in sources.items():
        tree = ast.parse(text)
        constants = dict(_constants(tree))
        for node in ast.walk(tree):
            name = _name_read(node)
            value = constants.get(name.id, "") if isinstance(name, ast.Name) else getattr(name, "value", "")
            if isinstance(value, str) and re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", value):
                found.setdefault(value, file)
    return found


def _constants(tree: ast.Module) -> Iterator[tuple[str, object]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value.value


def _name_read(node: ast.AST) -> ast.expr | None:
    """The first word of ``env.str("X")``, ``path("X", …)``, ``os.environ.get("X")``, ``os.environ["X"]``."""
    if isinstance(node, ast.Subscript) and _ends_with(node.value, "environ"):
        return node.slice
    if not isinstance(node, ast.Call) or not node.args:
        return None
    function = node.func
    if isinstance(function, ast.Name):
        return node.args[0] if function.id in {"path", "getenv"} else None
    if not isinstance(function, ast.Attribute) or function.attr not in READERS:
        return None
    holder = function.value
    return (
        node.args[0] if _ends_with(holder, "environ") or _ends_with(holder, "env") or _ends_with(holder, "os") else None
    )


def _ends_with(node: ast.expr, name: str) -> bool:
    return (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Attribute) and node.attr == name)


def our_sources() -> dict[Path, str]:
    """Our own code, without migrations."""
    files = [ROOT / "manage.py", *(file for app in OURS for file in (ROOT / app).rglob("*.py"))]
    return {file: file.read_text() for file in files if "migrations" not in file.parts}


def options(parser: argparse.ArgumentParser) -> set[str]:
    """The long options of a command and its verbs, without those that Django gives to every command."""
    found: set[str] = set()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                found |= options(verb)
        elif action.help is not argparse.SUPPRESS:
            found |= {word for word in action.option_strings if word.startswith("--")}
    return found - DJANGOS


DJANGOS = {
    "--help",
    "--version",
    "--verbosity",
    "--settings",
    "--pythonpath",
    "--traceback",
    "--no-color",
    "--force-color",
    "--skip-checks",
}


def our_commands() -> dict[str, set[str]]:
    """Each command of ours with its options."""
    ours = {name: app for name, app in get_commands().items() if app in OURS}
    return {name: options(load_command_class(app, name).create_parser("manage.py", name)) for name, app in ours.items()}


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of a command of ours."""
    return load_command_class(get_commands()[name], name).create_parser("manage.py", name)


def words_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Its words, and those of its verbs, without the options that every command has."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from words_of(verb)
        elif not DJANGOS.intersection(action.option_strings):
            yield action


def sections(text: str) -> dict[str, str]:
    """The parts of a document by the name in their ``## `name` `` heading; what stands before is ``""``."""
    parts = re.split(r"^## `([^`]+)`.*$", text, flags=re.M)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
