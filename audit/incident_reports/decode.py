"""A file's bytes as text: which encoding it has, and mojibake repaired where that is certain."""

from __future__ import annotations

from dataclasses import dataclass, field

import ftfy
from charset_normalizer import from_bytes

from audit.exceptions import IncidentReportTooLarge, IncidentReportUnreadable

LARGEST = 2 * 1024 * 1024
BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip
CODE_PAGES = ["cp1252", "cp1255"]
"""Windows: Western European, Hebrew."""
KNOWN = (
    (b"%PDF-", "a PDF"), (b"PK\x03\x04", "a Word, OpenDocument or ZIP file"), (b"\xd0\xcf\x11\xe0", "an old Word file"),
    (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"), (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"), (b"PGDMP", "a dump of a database"), (b"{\\rtf", "an RTF file"),
)  # fmt: skip
CONTROLS = set(range(0x20)) - {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1B}
CERTAIN = ("encode", "decode")
"""One wrong reading taken back, nothing else."""
ONCE = ftfy.TextFixerConfig(fix_c1_controls=False, replace_lossy_sequences=False, decode_inconsistent_utf8=False)


@dataclass(frozen=True)
class Decoded:
    """``text`` has as many lines as ``source``; ``repairs`` says which of them were mojibake (counted from 1)."""

    encoding: str
    source: str
    text: str
    repairs: list[dict[str, object]] = field(default_factory=list)


def decode(data: bytes) -> Decoded:
    """The words of a file. Raises ``IncidentReportTooLarge`` and ``IncidentReportUnreadable``."""
    if len(data) > LARGEST:
        raise IncidentReportTooLarge(f"It has {len(data) / 1_048_576:.1f} MB.")
    for begin, what in KNOWN:
        if data.startswith(begin):
            raise IncidentReportUnreadable(f"This is {what}, no Markdown.")
    source, encoding = _text(data)
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    if not source.strip():
        raise IncidentReportUnreadable("This file is empty.")
    if sum(ord(char) in CONTROLS for char in source) > len(source) / 100:
        raise IncidentReportUnreadable("Too many characters of it are no letters: it is no text.")
    source = source.replace("\0", "\u2400")  # no column holds a NUL
    lines, repairs = [], []
    for number, line in enumerate(source.split("\n"), start=1):
        fixed = repaired(line)
        if fixed != line:
            repairs.append({"line": number, "before": line, "after": fixed})
        lines.append(fixed)
    return Decoded(encoding, source, "\n".join(lines), repairs)


def repaired(line: str) -> str:
    """``line``, or what it was before UTF-8 was read by a wrong code page; only when the way back gives every byte."""
    if line.isascii():
        return line
    found = ftfy.fix_encoding_and_explain(line, ONCE)
    steps = found.explanation or []
    if tuple(step[0] for step in steps) != CERTAIN or "\n" in found.text or "\ufffd" in found.text:
        return line
    (_, wrong), (_, right) = steps
    try:
        back = found.text.encode(right).decode(wrong)
    except UnicodeError:
        return line
    return found.text if back == line else line


def _text(data: bytes) -> tuple[str, str]:
    for bom, encoding in BOMS:
        if data.startswith(bom):
            return _strictly(data, encoding), encoding.removesuffix("-sig")
    if wide := _wide(data):
        return _strictly(data, wide), wide
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    if b"\0" in data:
        raise IncidentReportUnreadable
    best = from_bytes(data, cp_isolation=CODE_PAGES).best()
    encoding = best.encoding if best is not None and best.encoding in CODE_PAGES else "cp1252"
    text = "".join(_or_latin(data[at : at + 1], encoding) for at in range(len(data)))
    return text, encoding


def _or_latin(byte: bytes, encoding: str) -> str:
    """A byte that the code page leaves empty stays what it is: nothing is dropped."""
    try:
        return byte.decode(encoding)
    except UnicodeDecodeError:
        return byte.decode("latin-1")


def _wide(data: bytes) -> str:
    """UTF-16 without its mark: every second byte of most Western text is zero."""
    half = len(data) // 2
    if half < 8 or len(data) % 2:
        return ""
    for encoding, zeros in (("utf-16-le", data[1::2]), ("utf-16-be", data[0::2])):
        others = data[0::2] if encoding == "utf-16-le" else data[1::2]
        if zeros.count(0) > half * 0.4 and others.count(0) <= half * 0.02:
            return encoding
    return ""


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeError:
        raise IncidentReportUnreadable(
            f"It says that it is {encoding.removesuffix('-sig').upper()}, and is not."
        ) from None
