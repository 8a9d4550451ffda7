"""``python -m tovgov.supervised PARENT COMMAND…`` runs a command that gets SIGTERM when its supervisor dies, even by
kill -9, so that no web server or worker is left behind. Where the system cannot do that it just runs the command."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent and become the command."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(1)  # it died while we came up
    os.execvp(command[0], command)  # noqa: S606 - our own supervisor's words


if __name__ == "__main__":
    main()
