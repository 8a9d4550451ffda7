"""A key is gone, or may be in wrong hands."""

from audit.models import IncidentKind
from audit.runbooks.book import Book, Step

BOOK = Book(
    name="lost-key",
    title="A key is lost",
    intro="The age key that opens backups, the key that signs them, or the keys in secrets.env are not where they "
    "should be. Delete nothing and start nothing anew: new keys made in haste hide the loss. docs/keys.md says what "
    "each key is for.",
    begun_for=(),
    offered_for=(IncidentKind.BACKUP, IncidentKind.ACCESS),
    steps=(
        Step(
            "Which key is it?",
            "age-identity.txt opens backups, signing-key.pem signs them, secrets.env encrypts stored passwords. The "
            "error's code says which is missed.",
            command="ls -l var/keys var/secrets.env",
        ),
        Step(
            "Put the copy back",
            "From the place that was written down: a password manager, the safe. Then all is well, and this is a "
            "drill.",
            with_whom="who has the copy",
        ),
        Step(
            "Is the live database there?",
            "While it is, nothing is lost: it can be backed up with a new key. If it is gone too, and no copy of the "
            "age key exists, the backups cannot be opened by anybody.",
            door="target.test",
            command="manage.py targets test TARGET --as YOU",
        ),
        Step(
            "No copy of the age key? Make a new one",
            "Move age-recipient.txt aside, then make the keys that are missing. What is encrypted with the old key "
            "stays closed for ever; keep it all the same, the key may turn up.",
            command="python -m tovgov.keys",
            with_whom="a manager",
        ),
        Step(
            "Back up every target at once and prove it",
            "Until then no target has a backup that can be restored. Begin with production.",
            door="backups.start",
            command="manage.py backup TARGET --prove --as YOU",
        ),
        Step(
            "secrets.env is gone? Enter every password again",
            "Stored passwords of targets and destinations cannot be read any more. The backups are not touched "
            "by this.",
            door="target.role",
            command="manage.py targets credential TARGET backup --role ROLE --as YOU",
            with_whom="a manager",
        ),
        Step(
            "May somebody else have it? Rotate",
            "Who has the age identity and a copy of a backup reads your data; who has the signing key can sign false "
            "ones. Rotate, and do not trust the old signer any more. docs/keys.md, Rotation.",
            with_whom="a manager",
        ),
        Step(
            "Copy the keys to a place outside, and prove the copy",
            "On another machine: open one backup with the copy. Write down who has it.",
            command="age -d -i age-identity.txt BACKUP | zstd -d | pg_restore -l",
            with_whom="who keeps the copy",
        ),
        Step(
            "Keep the lesson",
            "Where the copy was missing, and who looks from now on whether it is there.",
            door="lesson",
        ),
    ),
)
