"""A password leaked, or somebody guesses."""

from audit.models import IncidentKind
from audit.runbooks.book import Book, Step

BOOK = Book(
    name="leaked-password",
    title="A password leaked, or somebody tries them",
    intro="A password of a database role stood where it should not, somebody tries many, or a login came from where "
    "nobody works. Changing a password is quick; finding out what was read takes longer. Do both, in this order.",
    begun_for=(IncidentKind.ACCESS,),
    offered_for=(),
    steps=(
        Step(
            "Which role, and what may it do?",
            "Name the role in the incident. A role that reads everything is another incident than one of a report.",
            door="target",
        ),
        Step(
            "See whether somebody got in",
            "Refused attempts are noise until one is accepted. Look for accepted connections of that role from "
            "addresses that are not yours.",
            door="connections",
        ),
        Step(
            "See who was refused",
            "Many failed passwords from one address, or many roles tried, is guessing. The list has times and "
            "addresses.",
            door="refusals",
        ),
        Step(
            "Change the password",
            "In psql, as superuser: \\password ROLE. The server keeps only its hash, and no log has the new one. "
            "Do not send it by chat: that is how the last one leaked.",
            with_whom="who administers the server",
        ),
        Step(
            "End the sessions of that role",
            "A session that is open stays open after the password was changed. As superuser: SELECT "
            "pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ROLE';",
            with_whom="who administers the server",
        ),
        Step(
            "Give the new password to tovgov",
            "If tovgov uses the role: otherwise it cannot back up any more.",
            door="target.role",
            command="manage.py targets credential TARGET backup --role ROLE --as YOU",
            with_whom="a manager",
        ),
        Step(
            "Give it to the application, and test",
            "Everything else that logs in with it stops until it has the new one.",
            door="target.test",
            command="manage.py targets test TARGET --as YOU",
            with_whom="who runs the application",
        ),
        Step(
            "Close the way in",
            "Who may connect from where stands in pg_hba.conf. An address that nobody works from needs no line there.",
            with_whom="who administers the server",
        ),
        Step(
            "Look at what was deleted",
            "tovgov knows deletes row by row. What was only read, no database records by itself: the server's log has "
            "the statements if it was told to log them.",
            door="deletes",
        ),
        Step(
            "Look at what was granted or made",
            "A new role, a grant or a function lets somebody back in. The server's log has each DDL.",
            door="logs",
        ),
        Step(
            "Take the password out of where it leaked",
            "And of its history: a password in an old commit is still there. It must be worthless by now.",
            with_whom="who owns that place",
        ),
        Step(
            "Were personal data within reach? Tell who must know",
            "In the EU the supervisory authority is told within 72 hours after a breach of personal data became known "
            "(GDPR, article 33). That decision is not one for the person who mends the database.",
            with_whom="who answers for personal data",
        ),
        Step(
            "Write down what is still owed",
            "What is not done tonight is forgotten tomorrow, unless it has an owner and a day.",
            door="action",
        ),
    ),
)
