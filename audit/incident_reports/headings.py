"""What people call the parts of a report, and the facts at its top."""

from __future__ import annotations

import re

SECTIONS: dict[str, str] = {
    "summary": r"(?:executive |short )?summary|overview|abstract|tl;?dr|what happened|description|synopsis"
    r"|resolution|recovery|how (?:it|we) (?:was|were)? ?(?:fixed|resolved|recovered)|mitigation|response|background",
    "impact": r"(?:customer |user |business )?impact|damage|effects?|consequences|data loss|what was lost|losses"
    r"|affected.*|scope",
    "trigger": r"triggers?|what triggered it|what set it off",
    "detection": r"detection|discovery|how (?:it|we|was it) (?:was )?(?:noticed|detected|discovered|found).*",
    "root_causes": r"(?:the )?(?:root )?causes?(?: analysis)?|root cause\(s\)|(?:5|five) whys|analysis"
    r"|why(?: it happened| did it happen)?",
    "contributing_factors": r"contributing (?:factors?|causes?)|(?:other )?factors",
    "went_well": r"what (?:went|worked) (?:well|right)|(?:the )?good|successes",
    "went_wrong": r"what (?:went|worked) (?:wrong|badly|poorly)|(?:the )?bad"
    r"|what did(?:n['’]t| not) (?:go|work)(?: well)?",
    "lucky": r"(?:where|how) we (?:got|were) lucky|luck(?:y)?|near misses",
    "timeline": r"(?:incident |detailed )?time ?line.*|chronology|sequence of events|events"
    r"|log of events|what happened when",
    "actions": r"action items?|actions?(?: taken| points)?|next steps|follow[- ]?ups?|to[- ]?do.*|tasks?|check ?lists?"
    r"|recommendations?|remediation.*|prevent(?:ion|ive).*|corrective.*|improvements?|how (?:do )?we prevent.*",
    "lessons": r"lessons?(?: learne?[dt])?|learnings?|takeaways?|what we learne?[dt]",
}
"""Which place a heading leads to. What fits none stays unplaced, word for word."""
FITS = {place: re.compile(rf"(?:{words})", re.IGNORECASE) for place, words in SECTIONS.items()}

STAMPS: dict[str, str] = {
    "began_at": r"(?:impact |incident )?(?:began|started|start(?: time)?|begin)|beginning|occurred(?: at)?"
    r"|(?:impact|incident) (?:start|begin)(?: time)?",
    "detected_at": r"detected(?: at)?|detection(?: time)?|noticed(?: at)?|discovered(?: at)?|reported(?: at)?",
    "acknowledged_at": r"acknowledged(?: at)?|ack(?:ed)?|response started",
    "mitigated_at": r"mitigated(?: at)?|contained(?: at)?|impact (?:end|ended)",
    "resolved_at": r"resolved(?: at)?|(?:incident )?(?:end|ended|end time)|fixed(?: at)?"
    r"|(?:recovered|restored|closed)(?: at)?",
}
FACTS: dict[str, str] = STAMPS | {
    "date": r"date(?: of (?:the )?incident)?|incident date|day|when",
    "severity": r"severity|sev|priority|criticality",
    "target": r"(?:affected )?(?:database|db|target|system|service|server)s?",
    "zone": r"time ?zone|timezone|tz",
}
FACT_FITS = {name: re.compile(words, re.IGNORECASE) for name, words in FACTS.items()}
LABEL = re.compile(r"^\s*(?:[-*+]\s+)?[*_`]*([^:*_`|]{2,40}?)[*_`]*\s*[:：]\s*[*_`]*\s*(.+)$")

BARE = re.compile(r"^[\W\d_]+|[\W_]+$")


def bare(heading: str) -> str:
    """A heading without its number, signs and emphasis: “3. **Root cause**:” is “Root cause”."""
    return BARE.sub("", heading).strip()


def place_of(heading: str) -> str:
    """Where the words below this heading belong; nothing when nobody can say."""
    words = bare(heading)
    return next((place for place, fits in FITS.items() if fits.fullmatch(words)), "")


def fact(line: str) -> tuple[str, str] | None:
    """A known fact (“**Severity:** SEV1”) as its name and its words."""
    hit = LABEL.match(line)
    return _known(hit[1], hit[2]) if hit else None


def fact_cells(cells: list[str]) -> tuple[str, str] | None:
    """The same in a row of a table with two columns."""
    return _known(bare(cells[0]), cells[1]) if len(cells) == 2 and cells[1].strip() else None


def _known(label: str, value: str) -> tuple[str, str] | None:
    words = bare(label)
    name = next((name for name, fits in FACT_FITS.items() if fits.fullmatch(words)), "")
    return (name, value.strip()) if name else None
