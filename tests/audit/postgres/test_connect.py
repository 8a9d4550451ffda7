"""How a client tool gets its password."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from audit.postgres.connect import ConnInfo


def test_the_password_file_of_a_killed_process_is_removed_by_the_next() -> None:
    info = ConnInfo(database="shop", password="secret")
    script = (
        "import os, signal, sys; from audit.postgres.connect import ConnInfo\n"
        "with ConnInfo(password='left behind').client_environment() as env:\n"
        "    print(env['PGPASSFILE'], flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    left = Path(killed.stdout.strip())
    assert "left behind" in left.read_text()
    with info.client_environment() as first:
        assert not left.exists()
        with info.client_environment():
            assert Path(first["PGPASSFILE"]).exists()  # its maker lives
