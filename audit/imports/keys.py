"""The primary key out of a row's JSON, by its text: values stay as they were written, whatever the rest holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]', re.DOTALL)


def members(text: str) -> Iterator[tuple[str, str]]:
    """Name and text of each member of the JSON object ``text``, however deep its values are."""
    depth, start, name = 0, 0, None
    for token in TOKEN.finditer(text):
        sign = token[0][0]
        if depth == 1 and sign in ",}" and name is not None:
            yield name, text[start : token.start()].strip()
            name = None
        elif depth == 1 and sign == '"' and name is None:
            name = json.loads(token[0])
        elif depth == 1 and sign == ":":
            start = token.end()
        depth += (sign in "[{") - (sign in "]}")


def key_of(text: str, columns: Sequence[str]) -> str:
    """The JSON of the key's ``columns`` in the row ``text``; empty without a key."""
    found = {name: value for name, value in members(text) if name in columns}
    parts = [f"{json.dumps(name, ensure_ascii=False)}:{found[name]}" for name in columns if name in found]
    return "{" + ",".join(parts) + "}" if parts else ""
