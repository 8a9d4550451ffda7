"""Worker processes that a test may kill."""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings
from django.db import connection

from audit import jobs
from audit.models import Job


def start_worker(job: Job) -> subprocess.Popen[bytes]:
    """A process that runs ``job`` in the test's own database, with its spool and keys."""
    module, function = jobs.job_task(job).rsplit(".", 1)
    script = f"import django; django.setup(); from {module} import {function}; {function}({job.pk})"
    host, port, name, user, password = (
        connection.settings_dict[key] for key in ("HOST", "PORT", "NAME", "USER", "PASSWORD")
    )
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "tovgov.settings",
            "DATABASE_URL": f"postgres://{user}:{password}@{host}:{port}/{name}",
            "TOVGOV_SPOOL": str(settings.TOVGOV_SPOOL),
            "TOVGOV_KEYS": str(settings.TOVGOV_KEYS),
            "TOVGOV_PG_BIN": settings.TOVGOV_PG_BIN,
        },
        stderr=subprocess.DEVNULL,
    )
