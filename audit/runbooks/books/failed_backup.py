"""A backup failed, was missed, or cannot be proved."""

from audit.models import IncidentKind
from audit.runbooks.book import Book, Step

BOOK = Book(
    name="failed-backup",
    title="A backup failed or cannot be proved",
    intro="Nothing is lost yet, but if something were lost now, it would be lost for longer. The question is: how old "
    "is the newest backup that can be trusted? Remove nothing until there is a new one.",
    begun_for=(IncidentKind.BACKUP,),
    offered_for=(),
    steps=(
        Step(
            "See how old the newest proved backup is",
            "That is what you would go back to if the database were lost now. Older than the goal: say so to who "
            "answers for the data.",
            door="backups.list",
            command="manage.py catalogue list --target TARGET",
        ),
        Step(
            "Hold it",
            "Retention goes on working. The only good backup must not be removed while new ones fail.",
            door="backups.hold",
        ),
        Step(
            "Read why it failed",
            "The page of the failed one has a sentence, a hint and a code; docs/errors.md explains each code.",
            door="backups.failed",
        ),
        Step(
            "Test the target",
            "Unreachable, wrong database, missing rights, no room: each is a line that says PASS, FAIL or UNKNOWN.",
            door="target.test",
            command="manage.py targets test TARGET --as YOU",
        ),
        Step(
            "Test the destinations",
            "A full disk or a changed key at the destination fails every backup. Each destination has a test.",
            door="backups.destinations",
        ),
        Step(
            "Is the age key there?",
            "“key.missing” means that what is encrypted cannot be read here. Begin the runbook of the lost key.",
            command="ls -l var/keys",
        ),
        Step(
            "A damaged copy? Verify the others",
            "A backup has several copies. One that is whole is enough; the damaged one is kept, because it shows what "
            "happened to it.",
            door="backups.list",
            command="manage.py verify BACKUP --copy DESTINATION --as YOU",
        ),
        Step(
            "Do the schedule and the workers run?",
            "A missed backup has no error: nobody started it. The schedule says when it runs next.",
            door="backups.schedules",
            command="manage.py schedules list --target TARGET",
        ),
        Step(
            "Back up now and prove it",
            "Only a backup that was restored and compared ends this.",
            door="backups.start",
            command="manage.py backup TARGET --prove --as YOU",
        ),
        Step(
            "Release what you held",
            "When the new one is proved. Retention takes care of it from then on.",
            door="backups.list",
        ),
        Step(
            "Write down what is still owed",
            "A cause that was only worked around comes back. Give it an owner and a day.",
            door="action",
        ),
    ),
)
