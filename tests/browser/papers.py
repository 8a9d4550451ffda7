"""A post-mortem with a text that was written at the same time, for the browser to look at."""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth.models import User

from audit import incident_reports, postmortems
from audit.actors import Actor
from audit.models import Incident, PostMortem

WORDS = """

## What made it possible

1. The job's name of the database was *a default*, see `SYNC_TARGET`.
   - nobody read it before
2. It was human error, wrote bob.

> “It ran for years.”

| Step | Minutes |
|---|---:|
| noticed | 42 |

```sql
DELETE FROM "GameRequest" WHERE created_at < now();  -- a long line that does not fit on a telephone, whatever its width
```
"""


def build(incident: Incident) -> PostMortem:
    """Alice wrote, and Miriam at the same time."""
    alice, miriam = (Actor.person(User.objects.get(username=name), "scenery") for name in ("alice", "miriam"))
    row = postmortems.start(incident, actor=alice)
    first = row.text
    postmortems.save(row, first + WORDS, version=1, actor=alice)
    postmortems.save(row, first.replace("## Impact", "## Impact\n\nNobody could play."), version=1, actor=miriam)
    sample = Path(__file__).parents[1] / "audit" / "incident_reports" / "samples" / "sync-script.md"
    spoiled = sample.read_bytes().replace(b"No rule", "TovPlayâ€™s rules: none".encode())
    incident_reports.take(spoiled, "sync-script.md", actor=alice, zone="UTC")
    return row
