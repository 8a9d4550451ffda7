"""What PostgreSQL's ``write_syslog`` and a daemon make of the text that stderr gets: the steps of ``elog.c``."""

from __future__ import annotations

from collections.abc import Iterator

LIMIT = 900


def chunks(text: bytes) -> Iterator[bytes]:
    """One message cut at newlines, and before a word that goes beyond 900 bytes."""
    text = text.removesuffix(b"\n")
    if len(text) <= LIMIT and b"\n" not in text:
        yield text
        return
    while text:
        if text[:1] == b"\n":
            text = text[1:]
            continue
        line = text.split(b"\n", 1)[0]
        part = line[:LIMIT]
        while part and (line[len(part) : len(part) + 1] or b"a")[0] & 0xC0 == 0x80:
            part = part[:-1]
        following = text[len(part) : len(part) + 1]
        if following and not following.isspace():
            space = max(part.rfind(one) for one in (b" ", b"\t", b"\r", b"\x0b", b"\x0c"))
            if space > 0:
                part = part[:space]
        yield part
        text = text[len(part) :]


def escaped(data: bytes, *, all_of_it: bool = False) -> bytes:
    """Control characters as rsyslog writes them; with ``all_of_it`` letters beyond ASCII, too."""
    return b"".join(
        b"#%03o" % byte if byte < 32 or byte == 127 or (all_of_it and byte > 127) else bytes([byte]) for byte in data
    )


def framed(
    messages: list[tuple[int, bytes]],
    *,
    style: str = "3164",
    all_of_it: bool = False,
    split: bool = True,
    first: int = 1,
) -> bytes:
    """Messages (pid, text of stderr) as a daemon writes them to a file."""
    head = {
        "3164": b"Nov 20 11:40:01 db1 postgres[%d]: ",
        "iso": b"2026-11-20T10:40:01.500000+01:00 db1 postgres[%d]: ",
        "5424": b'<134>1 2026-11-20T10:40:01.5+01:00 db1 postgres %d - [meta x="]\\""] ',
    }[style]
    out = []
    for number, (pid, text) in enumerate(messages, first):
        parts = list(chunks(text)) if split else [text.removesuffix(b"\n")]
        for chunk, part in enumerate(parts, 1):
            name = b"[%d-%d] " % (number, chunk) if len(parts) > 1 else b"[%d] " % number
            out.append(head % pid + name + escaped(part, all_of_it=all_of_it) + b"\n")
    return b"".join(out)
