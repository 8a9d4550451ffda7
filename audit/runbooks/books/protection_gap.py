"""What protects a target is not as it was installed."""

from audit.models import IncidentKind
from audit.runbooks.book import Book, Step

BOOK = Book(
    name="protection-gap",
    title="Protection is not as it was installed",
    intro="A guard was dropped, disabled or changed in the target, or the schema changed outside of a window. Until it "
    "is back, what it would have refused happens. Often it was a migration that nobody announced.",
    begun_for=(IncidentKind.SCHEMA,),
    offered_for=(IncidentKind.ACCESS,),
    steps=(
        Step(
            "See what differs",
            "Each rule with what was found: missing, altered, disabled, and what that lets through.",
            door="protection",
            command="manage.py protection verify TARGET --as YOU",
        ),
        Step(
            "Find who changed it",
            "The server's log has the DDL with role, address and program.",
            door="logs",
        ),
        Step(
            "Was it a migration?",
            "Ask whoever deployed. If it was meant, the next one runs in a maintenance window, which locks again "
            "by itself.",
            with_whom="who deployed",
        ),
        Step(
            "Look at what happened meanwhile",
            "Deletes since the change may not have been captured. The cross-check of counts says whether some "
            "are missing.",
            door="deletes",
        ),
        Step(
            "Put the protection back",
            "Plan first: it shows every statement. Installing mends what differs and leaves the rest.",
            door="target.plan",
            command="manage.py protection plan TARGET standard --as YOU",
            with_whom="a manager; on production an approver",
        ),
        Step(
            "Attack it",
            "About two hundred attempts on a clone of the schema say whether the policy holds what it promises.",
            door="protection",
            command="manage.py protection attack TARGET --reason WHY --as YOU",
            with_whom="a manager; on production an approver",
        ),
        Step(
            "Write down what is still owed",
            "For example a window for each migration, announced by whoever deploys.",
            door="action",
        ),
    ),
)
