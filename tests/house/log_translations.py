"""``audit/postgres/logs/translations.json``, made from PostgreSQL's own message catalogues:
``python -m tests.house.log_translations`` writes it anew where Debian's postgresql package is installed.

Of each message of the server that is told by its English text alone, the longest literal piece in every language.
"""

from __future__ import annotations

import gettext
import json
import re
from pathlib import Path

from audit.postgres.logs.telling import class_of
from tests.house.documented import ROOT

FILE = ROOT / "audit" / "postgres" / "logs" / "translations.json"
CATALOGUES = Path("/usr/share/locale")
FORMAT = re.compile(r"%(?:\d+\$)?[-+ 0#]*\d*(?:\.\d+)?(?:l{0,2}|z)[a-zA-Z%]")
SHORTEST = {"ja": 5, "ko": 5, "zh_CN": 4, "zh_TW": 4}
TOLD_BY_TEXT = {
    "archive-failure", "autovacuum", "checkpoint", "checkpoints-frequent", "config-reload", "connection-authenticated",
    "connection-authorized", "connection-received", "crash", "data-corrupted", "deadlock", "disconnection",
    "hba-reload", "io-error", "lock-wait", "login-refused", "no-hba-entry", "recovery", "replication",
    "replication-failure", "settings-changed", "shutdown", "start", "temporary-file", "wraparound",
}  # fmt: skip
"""Classes that a SQLSTATE alone does not tell."""


def pieces() -> dict[str, str]:
    """Literal pieces of translated messages, and the class each stands for; a piece of two classes is left out."""
    found: dict[str, set[str]] = {}
    for file in sorted(CATALOGUES.glob("*/LC_MESSAGES/postgres-*.mo")):
        shortest = SHORTEST.get(file.parts[-3], 9)
        with file.open("rb") as stream:
            catalogue = gettext.GNUTranslations(stream)._catalog  # type: ignore[attr-defined]
        for english, translated in catalogue.items():
            text = english if isinstance(english, str) else english[0]
            kind = class_of(sqlstate="", level="LOG", message=FORMAT.sub("1", text)).code
            piece = max(FORMAT.split(translated), key=len).strip()
            if text and len(piece) >= shortest and piece not in text:
                found.setdefault(piece, set()).add(kind)
    return {piece: min(kinds) for piece, kinds in sorted(found.items()) if len(kinds) == 1 and kinds <= TOLD_BY_TEXT}


if __name__ == "__main__":
    FILE.write_text(json.dumps(pieces(), ensure_ascii=False, indent=0) + "\n")
