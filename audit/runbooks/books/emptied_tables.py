"""Tables were emptied or overwritten."""

from audit.models import IncidentKind
from audit.runbooks.book import Book, Step

BOOK = Book(
    name="emptied-tables",
    title="Tables were emptied or overwritten",
    intro="The database is there, but rows are missing: a script deleted, truncated or overwrote them. The rows of "
    "people who go on working must not be lost a second time: compare before you replace.",
    begun_for=(IncidentKind.DATA_LOSS, IncidentKind.SYNC),
    offered_for=(IncidentKind.WRONG, IncidentKind.ACCESS),
    steps=(
        Step(
            "Stop what writes",
            "End the script, the sync job or the deployment that did it. One that runs every ten minutes does it "
            "again, into the restored tables too.",
            with_whom="who runs the job",
        ),
        Step(
            "Hold the last good backup",
            "The next scheduled backup has the emptied tables. Retention keeps the last full one by itself; a hold "
            "makes it sure.",
            door="backups.hold",
        ),
        Step(
            "See which tables lost how much",
            "Live against backup, table by table. Nothing is changed by looking. It decides between the next steps: "
            "a few tables, or all of them.",
            door="backups.replace",
            command="manage.py restore BACKUP --dry-run --as YOU",
        ),
        Step(
            "See who did it, and from when on",
            "Captured deletes name role, address, program and query. The moment of the first one is the moment that "
            "you want to go back to.",
            door="deletes",
        ),
        Step(
            "Were the deletes captured? Put the rows back",
            "This is the gentlest way: exactly the deleted rows come back, what was written since stays. A dry run "
            "comes first and says what stands in the way.",
            door="deletes",
            command="manage.py undelete TRANSACTION --dry-run --reason WHY --as YOU",
            with_whom="an approver, on production",
        ),
        Step(
            "Not captured, and people went on working? Merge",
            "Rows whose key is missing come back from the backup; nothing that is there is changed or deleted.",
            door="backups.merge",
            command="manage.py restore BACKUP --mode merge --table SCHEMA.TABLE --dry-run --reason WHY --as YOU",
            with_whom="an approver, on production",
        ),
        Step(
            "All of it is wrong? Replace",
            "A safety backup of what is there now is made first, the backup is proved beside it, then they are "
            "swapped by name. The former database is kept for undo.",
            door="backups.replace",
            command="manage.py restore BACKUP --reason WHY --typed-name DATABASE --as YOU",
            with_whom="an approver, on production",
        ),
        Step(
            "Have it approved",
            "The approver sees how many rows would be lost by going back. Call them.",
            door="approvals",
            with_whom="an approver, on production",
        ),
        Step(
            "Count again, and look at the application",
            "The comparison of the restore or undelete says what came back. People who know the data see what a count "
            "does not.",
            door="backups.restores",
            with_whom="who knows the application",
        ),
        Step(
            "Put a sentinel on a table that must never be empty",
            "The next time tovgov tells you within a minute, and refuses to take the emptied database for the "
            "real one.",
            door="target.sentinel",
            command="manage.py targets sentinel TARGET SCHEMA.TABLE:ROWS --as YOU",
            with_whom="a manager",
        ),
        Step(
            "Take TRUNCATE and mass deletes away from who did it",
            "An application needs neither. Protection says which rights go, and to whom, before anything is changed.",
            door="target.plan",
            command="manage.py protection plan TARGET standard --as YOU",
            with_whom="a manager",
        ),
        Step(
            "Write down what is still owed",
            "What is not done tonight is forgotten tomorrow, unless it has an owner and a day.",
            door="action",
        ),
    ),
)
