"""A burst of deletes: captured in the database, imported, reviewed, put back and proved."""

from __future__ import annotations

from audit import approvals, incidents, reviews
from audit.exceptions import ImportRunning
from audit.imports import deletions
from audit.models import DeleteAuditTransaction, Undelete
from audit.undelete import request
from tovgov.demo import accidents
from tovgov.demo.acts import Acts, Content, wait_for
from tovgov.demo.club import APPLICATION
from tovgov.demo.exceptions import NotProved
from tovgov.demo.theatre import Theatre

WHY = "The clean-up was not meant to delete these."


class Undone:
    """Who deleted what is seen; a person finds it suspicious; the rows come back, and a second person closes it."""

    def __init__(self, house: Theatre, acts: Acts) -> None:
        self.acts, self.stage, self.club, self.target = acts, acts.stage, acts.club, acts.target
        self.staff, self.approver = house.people["staff"].actor, house.people["approver"].actor

    def play(self) -> Undelete:
        """The burst and its end. Raises ``NotProved``."""
        before = self.club.fingerprint()
        lost = accidents.lose_some_rows(self.club)
        self.stage.bad(f"The clean-up runs again, as {APPLICATION}: {lost:,} rows are gone.")
        deleted = self.bring()
        self.show(deleted)
        found = reviews.suspect([deleted], actor=self.staff, note=WHY, title="The clean-up deleted too much")
        self.stage.asked(f"{self.staff.name} finds it suspicious; an incident is open: {found.incident}.")
        done = self.put_back(deleted, before)
        reviews.close([deleted], actor=self.approver, note="All rows are back.")
        assert found.incident is not None
        incidents.close(found.incident, actor=self.approver, note="The clean-up asks for its second condition now.")
        self.stage.good(f"{self.approver.name} closes review and incident, as a second person must.")
        return done

    def bring(self) -> DeleteAuditTransaction:
        """Have the delete log imported, as workers do each minute anyway; the transaction it brought."""
        try:
            self.stage.follow(deletions.request(self.target, actor=self.staff, reason=WHY), actor=self.staff)
        except ImportRunning:
            self.stage.tell("A worker imports the delete log already.")
        return wait_for(
            lambda: DeleteAuditTransaction.objects.filter(target=self.target).order_by("-at", "-pk").first(),
            "The deletes were not imported.",
        )

    def show(self, deleted: DeleteAuditTransaction) -> None:
        """Who, when, from where, how, and what."""
        tables = ", ".join(f"{count:,} of {table}" for table, count in deleted.tables.items())
        self.stage.tell(
            f"Seen: {deleted.session_role} deleted {tables} at {deleted.at:%H:%M:%S} UTC from"
            f" {deleted.client_address or 'the machine itself'}, by: {statement(deleted.query)}"
        )

    def put_back(self, deleted: DeleteAuditTransaction, before: Content) -> Undelete:
        """A dry run, an approval, the act; each row is proved equal in its own transaction, and by the demo's eyes."""
        target, wanted = request.wish([deleted.pk])
        rehearsal = self.stage.follow(request.dry_run(target, wanted, actor=self.staff), actor=self.staff)
        rehearsal.refresh_from_db()
        approval = request.ask_approval(target, wanted, actor=self.staff, reason=WHY)
        approvals.approve(approval, actor=self.approver, note="The dry run is clean.")
        self.stage.asked(f"{self.staff.name} asks, {self.approver.name} approves: {approval.summary}")
        done = self.stage.follow(request.request(target, wanted, actor=self.staff, reason=WHY), actor=self.staff)
        deleted.refresh_from_db()
        if deleted.undeleted != deleted.row_count:
            raise NotProved(f"{deleted.undeleted} of {deleted.row_count} rows came back.")
        self.acts.require_same(before)
        return done


def statement(query: str) -> str:
    """The statement without its comments, on one line."""
    return " ".join(line for line in query.splitlines() if not line.lstrip().startswith("--"))
