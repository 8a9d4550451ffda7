"""A database was dropped."""

from audit.models import IncidentKind
from audit.runbooks.book import Book, Step

BOOK = Book(
    name="dropped-database",
    title="The database was dropped",
    intro="The database is not there any more, or an empty one stands in its place. Do not make it again by hand: an "
    "empty one stands in the way of the recovery and hides what happened.",
    begun_for=(IncidentKind.DROPPED,),
    offered_for=(IncidentKind.WRONG,),
    steps=(
        Step(
            "Stop what dropped it",
            "A deployment or a sync script that runs again will drop it again, after the recovery too. Switch the job "
            "off, and ask whoever deploys to wait.",
            with_whom="who runs the job",
        ),
        Step(
            "Say that you are on it",
            "Two people who recover at once stand in each other's way. Take the incident, and tell those who ask "
            "where to look.",
            door="incident",
        ),
        Step(
            "Look whether it is really gone",
            "A wrong name, another server and a renamed database look the same from the application. The test says "
            "which it is. An empty one of the same name is put aside by renaming, never dropped.",
            door="target.test",
            command="manage.py targets test TARGET --as YOU",
        ),
        Step(
            "Hold the backup that you will need",
            "Retention goes on working during an incident. A held backup is removed by nobody.",
            door="backups.hold",
        ),
        Step(
            "Look at the recovery without starting it",
            "It shows which backup would be taken, how old it is, and what stands in the way. What was written after "
            "that backup is lost: note how much time that is.",
            door="backups.recover",
            command="manage.py recover TARGET --dry-run --as YOU",
        ),
        Step(
            "Recover",
            "The database is made again with its owner, rights and settings, proved by every count and hash, and only "
            "then gets its name. On production the first start asks a second person.",
            door="backups.recover",
            command="manage.py recover TARGET --reason WHY --typed-name DATABASE --as YOU",
            with_whom="an approver, on production",
        ),
        Step(
            "Have it approved",
            "The approver sees what will be replaced and how old the data is. Call them: nobody watches a page "
            "at night.",
            door="approvals",
            with_whom="an approver, on production",
        ),
        Step(
            "Look at the application",
            "A proved database is what the backup holds. Whether the application works with it, only its people "
            "can say.",
            door="backups.restores",
            with_whom="who knows the application",
        ),
        Step(
            "Back up now and prove it",
            "Until then the recovered database has no backup of its own.",
            door="backups.start",
            command="manage.py backup TARGET --prove --as YOU",
        ),
        Step(
            "Find who dropped it",
            "The server's log names role, address and program of the DROP, and what the session did before.",
            door="around",
        ),
        Step(
            "Take away what made it possible",
            "Nobody but a superuser should be able to drop the database. Protection refuses a DROP inside of it; for "
            "the database itself its owner must be a role that nobody logs in as.",
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
