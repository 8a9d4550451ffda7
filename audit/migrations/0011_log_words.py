r"""The words of server logs, for the search: one row for 250 entries, noted by a worker after they were stored.

An index over the words of single entries would cost more than storing them does, at the moment when logs come
by the ten thousand. Beside the words stand marks: a sign that no word has (as in ``0004_search``), a letter for the
field, and its value exactly as it is. The letters are known to ``audit/lists/server_logs.py`` too.
"""

import audit.models.fields
from django.db import migrations, models

FORWARD = r"""
CREATE FUNCTION tovgov_log_marks(target_id bigint, kind text, severity smallint, level text, sqlstate text, role text,
                                 database text, address text, application text, session text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY[E'\x1ft' || target_id, E'\x1fk' || kind, E'\x1fg' || severity, E'\x1fl' || level, E'\x1fs' || sqlstate,
                 E'\x1fs' || left(sqlstate, 2), E'\x1fr' || role, E'\x1fd' || database, E'\x1fa' || address,
                 E'\x1fp' || left(application, 200), E'\x1fn' || session];

CREATE INDEX log_words_words ON audit_logwords USING gin (words);
"""

BACKWARD = """
DROP INDEX log_words_words;
DROP FUNCTION tovgov_log_marks(bigint, text, smallint, text, text, text, text, text, text, text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0010_post_mortems"),
    ]

    operations = [
        migrations.CreateModel(
            name="LogWords",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("from_at", models.DateTimeField(help_text="Of its oldest entry.")),
                ("to_at", models.DateTimeField(help_text="Of its newest entry.")),
                ("is_stale", models.BooleanField(default=False, help_text="Some of its entries were retired since.")),
                (
                    "words",
                    audit.models.fields.WordsField(
                        help_text="Empty when they are too many to be noted: it may hold anything.", null=True
                    ),
                ),
            ],
            options={
                "verbose_name": "words of server log entries",
                "verbose_name_plural": "words of server log entries",
                "indexes": [
                    models.Index(fields=["-to_at", "-number"], name="log_words_newest"),
                    models.Index(fields=["from_at", "number"], name="log_words_oldest"),
                    models.Index(condition=models.Q(("words", None)), fields=["-to_at"], name="log_words_unknown"),
                    models.Index(condition=models.Q(("is_stale", True)), fields=["number"], name="log_words_stale"),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
