"""What happened: each disaster is an incident with its loss, its proof and its timeline, one has a post-mortem, and an
auditor leaves with a pack that proves all of it without tovgov."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from audit import incidents, losses, postmortems, timeline
from audit.evidence import ask
from audit.models import Cause, Incident, IncidentKind, Severity
from audit.templatetags.format import duration
from backups.models import Restore
from tovgov.demo.acts import Acts
from tovgov.demo.exceptions import NotProved
from tovgov.demo.theatre import Theatre

VERIFIERS = ("verify.py", "verifier.py")
"""The first is run; the second knows the seals."""
STORY = {
    "summary": "A sync script ran against production instead of its test copy and emptied it.",
    "impact": "Nobody could see a game or a session until the restore was swapped in.",
    "trigger": "The script's settings named the production server.",
    "root_causes": "The script's role owned the tables, so nothing stood between a wrong host name and every row.",
    "went_well": "A proved backup was there, and the restore that would have lost rows was refused.",
    "went_wrong": "The application started on the empty database and wrote the games that it ships with.",
    "lucky": "The last backup was minutes old.",
}


@dataclass(frozen=True)
class Case:
    """An incident and the restore that mended it."""

    incident: Incident
    lost: int


class ExplainedAct:
    """Step 8 of the story, and the notes that are made while the disasters happen."""

    def __init__(self, house: Theatre, acts: Acts) -> None:
        self.acts, self.stage, self.target = acts, acts.stage, acts.target
        self.staff, self.manager = house.people["staff"].actor, house.people["manager"].actor
        self.auditor = house.people["auditor"].actor
        self.cases: list[Case] = []

    # --- while it happens -----------------------------------------------------------------------------------------

    def open(self, title: str, kind: IncidentKind, began: datetime) -> Incident:
        """Staff opens an incident and has the loss counted in what is left. Raises ``NotProved``."""
        incident = incidents.open_incident(
            title, target=self.target, actor=self.staff, kind=kind, severity=Severity.CRITICAL, began_at=began
        )
        incidents.investigate(incident, actor=self.staff)
        self.stage.follow(losses.request(incident, actor=self.staff), actor=self.staff, lines=0)
        incident.refresh_from_db()
        if not incident.lost_rows:
            raise NotProved(f"{incident.code} does not know what was lost.")
        tables = incident.losses.filter(lost__gt=0).count()
        where = "1 table" if tables == 1 else f"{tables} tables"
        lost = f"{incident.lost_rows:,} rows or more are lost in {where}"  # what was written since hides as many
        self.stage.asked(f"{self.staff.name} opens {incident}: {lost}.")
        return incident

    def mend(self, incident: Incident, restore: Restore, note: str) -> None:
        """The restore is its proof: without one it could not be resolved. Raises ``NotProved``."""
        losses.prove(incident, restore, actor=self.staff)
        incidents.mitigate(incident, actor=self.staff)
        incidents.resolve(incident, actor=self.staff, note=note)
        if incident.returned_rows != incident.lost_rows:
            raise NotProved(f"{incident.code}: {incident.returned_rows} of {incident.lost_rows} lost rows came back.")
        self.cases.append(Case(incident, incident.lost_rows or 0))

    # --- step 8 ---------------------------------------------------------------------------------------------------

    def play(self) -> None:
        """Everything in order. Raises ``NotProved``."""
        self.show_incidents()
        self.write_post_mortem(self.cases[0].incident)
        self.take_evidence()

    def show_incidents(self) -> None:
        """Each with its times, its loss and how many lines tell of it."""
        rows = []
        for case in self.cases:
            incident = case.incident
            timeline.assemble(incident, actor=self.staff)
            lines = incident.lines.count()
            if not incident.lines.filter(source_kind="audit.ServerLogEntry").exists():
                raise NotProved(f"The timeline of {incident.code} knows nothing of the server's log.")
            rows.append((incident.code, incident.get_kind_display(), case.lost, incident.returned_rows,
                         duration(incident.time_to_detect), duration(incident.time_to_resolve), lines))  # fmt: skip
        self.stage.table(("Incident", "Kind", "Lost", "Came back", "Detected in", "Resolved in", "Timeline"), rows)

    def write_post_mortem(self, incident: Incident) -> None:
        """Told by staff, filled from the record, reviewed by the manager, printed. Raises ``NotProved``."""
        causes = [Cause.SCRIPT, Cause.WRONG_PLACE, Cause.RIGHTS]
        incidents.tell(incident, STORY, version=incident.version, actor=self.staff, causes=causes)
        written = postmortems.start(incident, actor=self.staff)
        postmortems.ask_review(written, actor=self.staff)
        postmortems.review(written, version=written.version, actor=self.manager, note="Nobody is blamed; all is there.")
        incidents.review(incident, actor=self.manager)
        made = postmortems.export(written, "pdf", actor=self.auditor)
        path = Path(settings.VAR_DIR, made.name)
        path.write_bytes(made.data)
        if not made.data.startswith(b"%PDF-"):
            raise NotProved("The post-mortem is no PDF.")
        self.stage.good(f"{incident.code} has a reviewed post-mortem, filled from the record: {path.name}.")

    def take_evidence(self) -> None:
        """A pack of everything, verified by its own verifier, outside of tovgov; and refused with one byte changed.
        Raises ``NotProved``."""
        now = timezone.now()
        pack = ask.ask(now - timedelta(days=1), now, [self.target], actor=self.auditor, reason="The yearly audit.")
        self.stage.follow(pack, actor=self.auditor, lines=0)
        pack.refresh_from_db()
        path = Path(settings.VAR_DIR, "evidence.zip")
        with ask.download(pack, actor=self.auditor).file as file:
            path.write_bytes(file.read())
        self.stage.good(
            f"An evidence pack for {self.auditor.name}: {pack.files:,} files, {pack.records:,} records; it names "
            f"{len(pack.gaps)} things that it does not show."
        )
        verifier = path.with_name(VERIFIERS[0])
        with zipfile.ZipFile(path) as opened:
            for name in VERIFIERS:
                path.with_name(name).write_bytes(opened.read(name))
        said = _verify(verifier, path, pack.signer, status=0)
        self.stage.good(f"Verified by a bare Python, without tovgov: {said[-1]}")
        changed = bytearray(path.read_bytes())
        changed[len(changed) // 2] ^= 1
        altered = path.with_name("evidence-with-one-byte-changed.zip")
        altered.write_bytes(changed)
        said = _verify(verifier, altered, pack.signer, status=1)
        self.stage.good(f"With one byte changed it is refused: {said[-1]}")


def _verify(verifier: Path, pack: Path, signer: str, *, status: int) -> Sequence[str]:
    """What a bare Python says of ``pack``. Raises ``NotProved`` when it does not end with ``status``."""
    command = [sys.executable, "-S", "-E", "-s", str(verifier), str(pack), "--signer", signer]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    said = (done.stdout + done.stderr).strip().splitlines()
    if done.returncode != status or not said:
        raise NotProved(f"The pack's verifier ended with {done.returncode}: {' '.join(said[-3:])}")
    return said
