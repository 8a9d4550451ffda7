"""Bytes of a log to text. A log has no encoding of its own: each session writes in its database's, and text of other
programs lies between. So it is read as UTF-8 unless the source says otherwise, and bytes that do not fit stay visible
as ``\\xe9``: nothing is lost, and nothing stops."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from audit.exceptions import LogEncodingUnusable

UTF8 = "utf-8"
BOM = codecs.BOM_UTF8
PLAIN = bytes(range(0x20, 0x7F)) + b"\n\t"
SURROGATES = re.compile("[\ud800-\udfff]")


def known(encoding: str | None) -> str:
    """Python's name of an encoding that keeps ASCII as it is; UTF-8 for none. Raises ``LogEncodingUnusable``."""
    if not encoding:
        return UTF8
    try:
        name = codecs.lookup(encoding).name
        usable = PLAIN.decode(name) == PLAIN.decode("ascii")
    except (LookupError, ValueError):
        usable = False
    if not usable:
        raise LogEncodingUnusable(f"“{encoding[:40]}” is not an encoding of server logs.")
    return name


def decoder(encoding: str) -> Callable[[bytes], str]:
    """Bytes → text that PostgreSQL can store: what cannot be decoded and NUL are written as ``\\xe9`` and ``\\x00``."""

    def decode(data: bytes) -> str:
        text = data.decode(encoding, "backslashreplace")
        return text.replace("\0", "\\x00") if b"\0" in data else text

    return decode


def reversibly(data: bytes, encoding: str) -> tuple[str, bool]:
    """Bytes → text in which a backslash is one of the log's own, for JSON; and whether ``visible`` has work in it."""
    try:
        return data.decode(encoding), b"\0" in data
    except UnicodeDecodeError:
        return data.decode(encoding, "surrogateescape"), True


def visible(text: str) -> str:
    """``text`` that may hold NUL, undecodable bytes, or half surrogate pairs (from JSON's ``\\u0000``, ``\\ud800``),
    these made visible."""
    text = text.replace("\0", "\\x00")
    return SURROGATES.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else f"\\u{number:04x}"
