"""The first page of a pack, for an auditor who does not know tovgov."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from audit.evidence.scope import Scope
from audit.evidence.verify import KEY, LEDGER, MANIFEST, SIGNATURE, STAMP, SUMS
from audit.models import EvidencePack, EvidencePart

PAGE = """# Evidence pack

| | |
|---|---|
| Targets | {targets} |
| Period | from {start}, before {end} (UTC) |
| Asked for | {as_of} (UTC) by {asked_by} |
| Why | {reason} |
| Signer | `{signer}` |
| Holds | {parts} |

Times are UTC everywhere in this pack.

## Verify it first

```
python3 verify.py PACK.zip --signer FINGERPRINT
```

Python 3.9 or later is enough; `verify.py` and `verifier.py` lie in this pack, side by side. **Take the fingerprint, and
best the two files, from somebody you trust and not from this pack**: who forges a pack puts a key of their own and a
verifier of their own into it. Without `--signer` only the inner fit is shown, and the verifier says so. Without Python:
`sha256sum -c {sums}` in the unpacked folder, then

```
openssl pkeyutl -verify -pubin -inkey {key} -rawin -in {manifest} -sigfile {signature}
openssl ts -verify -data {sums} -in {stamp} -CAfile THE-AUTHORITY.pem
```

The second line only when `{stamp}` is there.

## What is in it

| file | what |
|---|---|
| `{manifest}` | inputs, gaps, and every other file with SHA-256; `{signature}` signs it (Ed25519) |
| `controls.json` | the control map: what was checked, how much of it, exceptions, gaps |
| `reports/*` | the same for people to read, a report a subject, each with its period, scope and gaps |
| `records/*.jsonl` | records as tovgov keeps them, one JSON object a line |
| `sealed/*/entries.jsonl` | deletes, connections and log lines |
| `sealed/*/proof.json` … | with `hashes.bin` and `checkpoints.jsonl`: they are what was sealed at import |
| `{ledger}` | who did what in tovgov; each entry holds the hash of the one before it |
| `backups/*/` | manifests of backups as they were stored, with their signatures |
| `keys/` | public keys that tovgov believes: former signers sign older checkpoints and manifests |
| `{sums}` | SHA-256 of every file; `{stamp}` is an authority's time stamp of it |

## What it proves, and what it cannot

When the verifier accepts it: these files are what the signer signed. Each sealed entry is what was stored at its
import, as long as a checkpoint was published where the signer could not change it: compare `checkpoints.jsonl` with
what that place holds. The ledger's entries are a chain without a hole.

It cannot prove that tovgov was told everything: what a database did not log, or logged where nobody reads, is not here.
It cannot prove that no entry of the period was left out by whoever built it: leaves between the entries that are not
here are counted, not shown. And nobody signed that a control is met: the map says what was looked at.

## Gaps

{gaps}

## Control map

{map}
"""


def text(row: EvidencePack, scope: Scope, topics: list[dict[str, Any]], gaps: list[str], signer: str) -> str:
    """The page, in Markdown."""
    return PAGE.format(
        targets=_cell(", ".join(scope.names)),
        start=_time(scope.start),
        end=_time(scope.end),
        as_of=_time(scope.as_of),
        asked_by=_cell(row.asked_name),
        reason=_cell(row.reason) or "not said",
        signer=signer,
        parts=", ".join(EvidencePart(part).value for part in row.parts),
        gaps="\n".join(f"- {_cell(gap)}" for gap in gaps) or "None was found.",
        map="\n\n".join(map(_topic, topics)),
        sums=SUMS,
        key=KEY,
        manifest=MANIFEST,
        signature=SIGNATURE,
        stamp=STAMP,
        ledger=LEDGER,
    )


def _topic(topic: dict[str, Any]) -> str:
    ids = "; ".join(f"{name} {', '.join(ids)}" for name, ids in topic["controls"].items() if ids)
    lines = [f"### {topic['title']}", "", ids]
    if topic["checked"]:
        lines += ["", "| what was looked at | population | sample | exceptions |", "|---|---:|---:|---:|"]
    for one in topic["checked"]:
        lines.append(
            f"| {_cell(one['what'])} | {one['population']:,} | {one['sample']:,} | {len(one['exceptions']):,} |"
        )
    exceptions = [exception for one in topic["checked"] for exception in one["exceptions"]]
    lines += ["", *(f"- Exception: {_cell(one)}" for one in exceptions), *(f"- Gap: {_cell(g)}" for g in topic["gaps"])]
    return "\n".join(lines).rstrip()


def _cell(words: str) -> str:
    """People's words in one line of Markdown, as they are: no table breaks, and nothing in them is markup."""
    line = " ".join(words.split())
    for sign in "\\`*_[]<>|#":
        line = line.replace(sign, "\\" + sign)
    return line


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
