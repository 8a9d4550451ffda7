"""The demo: from installed packages to a served admin."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from tests.benchmarks.ground import BENCH, ROOT
from tests.benchmarks.measuring import Claim


def demo() -> Iterator[Claim]:
    """Run the whole demo once; it measures itself, from the start of its process to the first page."""
    command = [sys.executable, "manage.py", "demo", "--once"]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "TOVGOV_VAR": str(BENCH / "demo")}
    with (BENCH / "demo.log").open("w") as log:
        subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, check=True)
    facts = json.loads((BENCH / "demo" / "demo" / "report.json").read_text())
    yield Claim("demo, to the first page of the admin", facts["seconds_to_first_page"], "s", 60, facts)
