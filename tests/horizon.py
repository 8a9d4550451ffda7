"""An import reads below the oldest open transaction of the whole server: other tests' transactions hold it back."""

from __future__ import annotations

import time

import psycopg

from audit.postgres.connect import ConnInfo

SECONDS = 60.0
OLDER = """
SELECT EXISTS (
    SELECT FROM pg_stat_activity a
    WHERE a.datname IS DISTINCT FROM current_database() AND a.backend_xid::text::bigint < %(now)s
    UNION ALL
    SELECT FROM pg_prepared_xacts p
    WHERE p.database <> current_database() AND p.transaction::text::bigint < %(now)s
)
"""


def others_have_ended(info: ConnInfo) -> None:
    """Wait until no transaction that is open now in another database of the server is open any more."""
    until = time.monotonic() + SECONDS
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
        assert row is not None
        while connection.execute(OLDER, {"now": row[0]}).fetchone() == (True,):
            assert time.monotonic() < until, "a transaction of another test has been open for a minute"
            time.sleep(0.02)
