"""Imported reports: kept as drafts, recognised, confirmed as incidents, thrown away; on pages and as a command."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from audit import incident_reports, incidents
from audit.actors import Actor
from audit.admin.base import act_url
from audit.exceptions import (
    IncidentReportDecided,
    IncidentReportKnown,
    IncidentReportNoIncident,
    IncidentReportUndated,
    IncidentReportZoneUnknown,
    IncidentUnproved,
    NoSuchIncidentReport,
    NotPermitted,
    ReasonMissing,
    StampsOutOfOrder,
)
from audit.incident_reports.draft import Draft
from audit.models import Incident, IncidentKind, IncidentReport, LedgerEntry, Severity, TimelineLine
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast

pytestmark = pytest.mark.django_db
SAMPLES = Path(__file__).parent / "samples"
SYNC = (SAMPLES / "sync-script.md").read_bytes()
LIST = "/admin/audit/incidentreport/"
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def report(asker: Actor) -> IncidentReport:
    return incident_reports.take(SYNC, "sync-script.md", actor=asker, zone="UTC")


def confirmed(row: IncidentReport, actor: Actor, **more: object) -> Incident:
    draft = Draft.from_json(row.draft)
    facts: dict[str, object] = {
        "title": draft.title, "kind": IncidentKind(draft.kind), "severity": Severity(draft.severity),
        "target": row.target, "stamps": {name: datetime.fromisoformat(at) for name, at in draft.stamps.items()},
    }  # fmt: skip
    return incident_reports.confirm(row, actor=actor, **facts | more)  # type: ignore[arg-type]


# --- taking -----------------------------------------------------------------------------------------------------------


def test_a_file_becomes_a_draft_and_no_incident(report: IncidentReport) -> None:
    assert (report.state, report.encoding, report.size) == ("draft", "utf-8", len(SYNC))
    assert report.source.encode() == SYNC
    assert not Incident.objects.exists()
    entry = LedgerEntry.objects.get(action="incident_report.take")
    assert entry.detail["sha256"] == report.sha256


def test_it_finds_the_target_that_it_names(asker: Actor) -> None:
    target = factories.TargetFactory(name="TovPlay production")
    factories.TargetFactory(name="Another", database="Another")
    assert incident_reports.take(SYNC, "a.md", actor=asker).target == target


def test_the_same_file_is_recognised(report: IncidentReport, cast: Cast) -> None:
    with pytest.raises(IncidentReportKnown) as refused:
        incident_reports.take(SYNC, "other-name.md", actor=cast.actor("miriam"))
    assert refused.value.detail["report"] == report.pk


def test_what_was_thrown_away_can_be_imported_again(report: IncidentReport, asker: Actor) -> None:
    incident_reports.throw_away(report, actor=asker, reason="Another company's.")
    assert incident_reports.take(SYNC, "again.md", actor=asker).pk != report.pk
    report.refresh_from_db()
    assert (report.state, report.reason, report.decided_by) == ("thrown away", "Another company's.", "alice")


def test_what_is_no_incident_is_refused_unless_asked(asker: Actor) -> None:
    letter = b"# Shopping\n\n- milk\n"
    with pytest.raises(IncidentReportNoIncident):
        incident_reports.take(letter, "list.md", actor=asker)
    assert incident_reports.take(letter, "list.md", actor=asker, anyway=True).state == "draft"


def test_who_may_not_import(cast: Cast, report: IncidentReport) -> None:
    for name in ("charlie", "bob"):
        with pytest.raises(NotPermitted):
            incident_reports.take(b"# x", "x.md", actor=cast.actor(name))
        with pytest.raises(NotPermitted):
            confirmed(report, cast.actor(name))


def test_no_such_zone_and_no_such_report(asker: Actor) -> None:
    with pytest.raises(IncidentReportZoneUnknown):
        incident_reports.take(SYNC, "x.md", actor=asker, zone="../../etc/passwd")
    with pytest.raises(NoSuchIncidentReport):
        incident_reports.find("999")


def test_it_is_read_again_in_another_zone(report: IncidentReport, asker: Actor) -> None:
    incident_reports.read_again(report, zone="Europe/Berlin", day=None, actor=asker)
    assert Draft.from_json(report.draft).events[0].at == "2026-03-01T02:13:00+01:00"
    assert report.zone == "Europe/Berlin"


def test_a_day_is_given(asker: Actor) -> None:
    data = b"# x\n\n## Impact\n\nAll.\n\n## Timeline\n\n- 02:13 gone\n"
    row = incident_reports.take(data, "x.md", actor=asker, zone="UTC")
    assert Draft.from_json(row.draft).events == []
    incident_reports.read_again(row, zone="UTC", day=date(2026, 3, 1), actor=asker)
    assert Draft.from_json(row.draft).events[0].text == "gone"


# --- confirming -------------------------------------------------------------------------------------------------------


def test_a_draft_becomes_an_incident(report: IncidentReport, asker: Actor) -> None:
    incident = confirmed(report, asker)
    assert (incident.kind, incident.severity, incident.opened_by) == ("sync", "critical", "alice")
    assert incident.began_at == datetime(2026, 3, 1, 2, 13, tzinfo=UTC)
    assert incident.went_well == "The backup was proved the night before."
    lines = TimelineLine.objects.filter(incident=incident, kind="report")
    assert [line.what for line in lines][:2] == ["line 1", "line 2"]
    assert lines[0].source_id == report.pk
    actions = [(one.title[:30], one.state) for one in incident.action_items.order_by("id")]
    assert actions[0] == ("Take `DELETE` from the sync ro", "done")
    assert [state for _, state in actions[1:]] == ["open"] * 4
    assert "due 2026-04-01" in incident.action_items.get(title__startswith="Alert").detail
    lesson = incident.lessons.get()
    assert (lesson.problem, lesson.kind) == ("A script emptied production", "sync")
    report.refresh_from_db()
    assert (report.state, report.incident) == ("confirmed", incident)


def test_a_report_proves_no_recovery(report: IncidentReport, asker: Actor) -> None:
    incident = confirmed(report, asker)
    assert (incident.status, incident.resolved_at) == ("mitigated", None)
    assert "no proof" in TimelineLine.objects.get(what="resolved").text
    with pytest.raises(IncidentUnproved):
        incidents.resolve(incident, actor=asker, note="The report says so.")


def test_what_lost_nothing_is_resolved_when_the_report_says(asker: Actor) -> None:
    data = (SAMPLES / "wrong-name.txt").read_bytes()
    incident = confirmed(incident_reports.take(data, "wrong-name.txt", actor=asker, zone="UTC"), asker)
    assert (incident.status, incident.resolved_at) == ("resolved", datetime(2026, 1, 12, 11, 45, tzinfo=UTC))


def test_stamps_out_of_order_are_refused(report: IncidentReport, asker: Actor) -> None:
    stamps = {"began_at": datetime(2026, 3, 2, tzinfo=UTC), "detected_at": datetime(2026, 3, 1, tzinfo=UTC)}
    with pytest.raises(StampsOutOfOrder):
        confirmed(report, asker, stamps=stamps)
    with pytest.raises(IncidentReportUndated):
        confirmed(report, asker, stamps={"resolved_at": datetime(2026, 3, 2, tzinfo=UTC)})
    assert not Incident.objects.exists()


def test_it_is_decided_once(report: IncidentReport, asker: Actor) -> None:
    confirmed(report, asker)
    with pytest.raises(IncidentReportDecided):
        confirmed(report, asker)
    with pytest.raises(IncidentReportDecided):
        incident_reports.throw_away(report, actor=asker, reason="x")
    with pytest.raises(IncidentReportDecided):
        incident_reports.read_again(report, zone="UTC", day=None, actor=asker)
    assert Incident.objects.count() == 1


def test_throwing_away_takes_a_reason(report: IncidentReport, asker: Actor) -> None:
    with pytest.raises(ReasonMissing):
        incident_reports.throw_away(report, actor=asker, reason=" ")


# --- the pages --------------------------------------------------------------------------------------------------------


def upload(cast: Cast, *files: tuple[str, bytes], user: str = "alice") -> str:
    sent = [SimpleUploadedFile(name, data) for name, data in files]
    answer = signed_in(getattr(cast, user)).post(f"{LIST}add/", {"reports": sent, "zone": "UTC"}, follow=True)
    return answer.content.decode() if answer.status_code in {200, 409} else str(answer.status_code)


def test_uploaded_looked_at_confirmed(cast: Cast) -> None:
    target = factories.TargetFactory(name="TovPlay production")
    page = upload(cast, ("sync.md", SYNC))
    for words in (
        "4,211",
        "Not placed",
        "Two people of the platform team",
        "Impact began (guessed)",
        "table loses more",
    ):
        assert words in page
    row = IncidentReport.objects.get()
    confirm = act_url(IncidentReport, "confirm", row.pk)
    client = signed_in(cast.alice)
    assert 'value="2026-03-01 ' in client.get(confirm).content.decode()
    data = {"title": "Ours", "kind": "data loss", "severity": "critical", "target": str(target.pk)}
    answer = client.post(confirm, data | {"began_at": "2026-03-01 02:00:00", "resolved_at": ""}, follow=True)
    incident = Incident.objects.get()
    assert (incident.title, incident.kind, incident.target) == ("Ours", "data loss", target)
    assert "Imported from" in answer.content.decode()
    assert page_of(row) in answer.content.decode()


def test_script_and_html_are_shown_as_text(cast: Cast) -> None:
    evil = b"# <script>alert(1)</script>\n\n## Impact\n\n<img src=x onerror=alert(2)>\n\n## Odd\n\n<iframe></iframe>\n"
    page = upload(cast, ("<b>evil.md", evil))
    assert "&lt;iframe&gt;" in page
    for tag in ("<script>alert", "<img src=x", "<iframe", "<b>evil"):
        assert tag not in page


def test_one_bad_file_does_not_keep_the_others_out(cast: Cast) -> None:
    page = upload(cast, ("sync.md", SYNC), ("x.pdf", b"%PDF-1.4"), ("big.md", b"# a\n" * 3_000_000))
    assert "x.pdf: This is a PDF" in page
    assert "imported.too_large" in page
    assert IncidentReport.objects.count() == 1
    assert "imported.known" in upload(cast, ("sync.md", SYNC))


def test_an_auditor_reads_and_changes_nothing(cast: Cast, report: IncidentReport) -> None:
    client = signed_in(cast.charlie)
    assert client.get(page_of(report)).status_code == 200
    source = client.get(f"{LIST}{report.pk}/source/")
    assert (source.content, source["X-Content-Type-Options"]) == (SYNC, "nosniff")
    assert "attachment" in source["Content-Disposition"]
    assert upload(cast, ("x.md", b"# x"), user="charlie") == "403"
    for slug in ("confirm", "throw-away", "read-again"):
        assert client.post(act_url(IncidentReport, slug, report.pk)).status_code == 403


def test_thrown_away_on_the_page(cast: Cast, report: IncidentReport) -> None:
    client = signed_in(cast.alice)
    answer = client.post(act_url(IncidentReport, "throw-away", report.pk), {"reason": "A copy."}, follow=True)
    assert "A copy." in answer.content.decode()
    assert ">Confirm<" not in answer.content.decode()


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_reads_folders(cast: Cast, tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "deep").mkdir()
    for file in SAMPLES.iterdir():
        (tmp_path / "deep" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "notes.pdf").write_bytes(b"%PDF")
    call_command("incident_reports", "import", str(tmp_path), "--as", "alice", "--zone", "UTC")
    assert "6 timeline" in capsys.readouterr().out
    assert IncidentReport.objects.count() == 3
    with pytest.raises(SystemExit) as ended:
        call_command("incident_reports", "import", str(tmp_path / "deep" / "sync-script.md"), "--as", "alice")
    assert ended.value.code == 3
    assert "imported.known" in capsys.readouterr().err


def test_the_command_shows_and_confirms(report: IncidentReport, capsys: Printed) -> None:
    number = str(report.pk)
    call_command("incident_reports", "show", number)
    shown = capsys.readouterr().out
    assert "Not placed, from line" in shown
    assert "## Attendees" in shown
    call_command("incident_reports", "show", number, "--json")
    assert json.loads(capsys.readouterr().out)["unplaced"][0]["text"].startswith("| about noon")
    call_command("incident_reports", "read", number, "--zone", "Europe/Berlin", "--as", "alice")
    call_command(
        "incident_reports", "confirm", number, "--kind", "other", "--began", "2026-03-01T00:00+00:00", "--as", "alice"
    )
    call_command("incident_reports", "list")
    assert Incident.objects.get().code in capsys.readouterr().out
    assert Incident.objects.get().kind == "other"


def test_the_command_throws_away(report: IncidentReport) -> None:
    call_command("incident_reports", "throw-away", str(report.pk), "--reason", "No.", "--as", "alice")
    report.refresh_from_db()
    assert report.state == "thrown away"


def test_a_file_that_is_not_there(cast: Cast, tmp_path: Path, capsys: Printed) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("incident_reports", "import", str(tmp_path / "none.md"), "--as", "alice")
    assert ended.value.code == 2
    assert "imported.unreadable" in capsys.readouterr().err
