"""Something ran on the wrong database."""

from audit.models import IncidentKind
from audit.runbooks.book import Book, Step

BOOK = Book(
    name="wrong-database",
    title="It ran on the wrong database",
    intro="A script, a restore or a person worked on a database that was not meant, or tovgov refuses a target because "
    "it is not the one that was registered. Confirm no identity anew before you know why it changed.",
    begun_for=(IncidentKind.WRONG,),
    offered_for=(IncidentKind.DROPPED, IncidentKind.DATA_LOSS),
    steps=(
        Step(
            "Stop what runs there",
            "It believes to be somewhere else, and will go on.",
            with_whom="who runs the job",
        ),
        Step(
            "Find out which database it is",
            "The test compares name, number and server with what was pinned, and says which differs. Names are exact: "
            "TovPlay is not tovplay.",
            door="target.test",
            command="manage.py targets test TARGET --as YOU",
        ),
        Step(
            "Name both: the one that was meant, and the one that was hit",
            "Write both into the incident, with server and exact name. Both may need mending: one has too much, the "
            "other too little.",
            door="incident",
        ),
        Step(
            "See what happened there",
            "Deletes, connections and log lines of this target around that moment, on one line of time.",
            door="around",
        ),
        Step(
            "Who connected, and with which address?",
            "A program that was never seen here before came by a wrong setting. The line names it.",
            door="new_clients",
        ),
        Step(
            "See what it changed",
            "Live against the last proved backup from before, table by table. Nothing is changed by looking.",
            door="backups.replace",
            command="manage.py restore BACKUP --dry-run --as YOU",
        ),
        Step(
            "Take it back",
            "Deleted rows are put back; overwritten ones need the backup, merged or replaced. What was written by "
            "mistake into the database is removed by its owner, by hand.",
            door="deletes",
            with_whom="an approver, on production",
        ),
        Step(
            "Correct the setting that was wrong",
            "The address, the name or the variable, everywhere it stands: other jobs have the same one.",
            with_whom="who runs the job",
        ),
        Step(
            "Was it moved or made again on purpose? Pin it anew",
            "Only then, and only when you can say by whom and why: it tells tovgov to believe the database that "
            "is there.",
            door="target",
            command="manage.py targets identify TARGET --reason WHY --as YOU",
            with_whom="a manager",
        ),
        Step(
            "Make it refuse the next time",
            "A role for each environment with its own password cannot log in to the other one. Write down who does it, "
            "and until when.",
            door="action",
        ),
    ),
)
