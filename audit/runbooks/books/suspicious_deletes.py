"""Deletes that nobody can explain."""

from audit.models import IncidentKind
from audit.runbooks.book import Book, Step

BOOK = Book(
    name="suspicious-deletes",
    title="Deletes that nobody can explain",
    intro="Rows were deleted, and nobody knows why. First find out, then put back: a clean-up that was meant looks "
    "the same at first sight. Accuse nobody: a role's name is not a person.",
    begun_for=(),
    offered_for=(IncidentKind.DATA_LOSS, IncidentKind.ACCESS, IncidentKind.SYNC),
    steps=(
        Step(
            "Read what was deleted",
            "Each transaction with its query, role, address, program and rows. Take those that you look at, so that "
            "nobody looks at them twice.",
            door="deletes",
            command='manage.py reviews take --where "state=unreviewed" --as YOU',
        ),
        Step(
            "See what else the session did",
            "What it ran before and after says whether it was a job, a person, or somebody who was looking around.",
            door="around",
        ),
        Step(
            "Is the client known?",
            "An address, role or program that was never seen before, or at an hour that is not usual, stands out here.",
            door="new_clients",
        ),
        Step(
            "Ask whoever owns the role or the program",
            "Ask openly: “was this meant?” Note the answer in the review, with the name of who gave it.",
            with_whom="who owns the role or program",
        ),
        Step(
            "Meant? Accept it with a note",
            "It leaves the queue and stays on record. Consider a known client or a noise filter, so that it does not "
            "wake anybody again.",
            door="deletes",
            command="manage.py reviews accept NUMBER --note WHY --as YOU",
        ),
        Step(
            "Not meant, or nobody knows? Mark it as suspicious",
            "It joins this incident, and only a second person can close it.",
            door="deletes",
            command="manage.py reviews suspect NUMBER --incident N --note WHY --as YOU",
        ),
        Step(
            "Could it go on? End it",
            "If a password may have leaked, begin that runbook now: putting rows back helps little while somebody "
            "still deletes.",
            door="connections",
            with_whom="who administers the server",
        ),
        Step(
            "Put the rows back",
            "A dry run first: it says what would come back and what stands in the way. What was written since stays.",
            door="deletes",
            command="manage.py undelete TRANSACTION --dry-run --reason WHY --as YOU",
            with_whom="an approver, on production",
        ),
        Step(
            "Have the suspicious ones closed by a second person",
            "Who found them does not judge them. The incident resolves only when each is closed.",
            door="incident",
            with_whom="another reviewer",
        ),
        Step(
            "Keep the lesson",
            "How it was noticed, what it was, and what would have shown it earlier.",
            door="lesson",
        ),
    ),
)
