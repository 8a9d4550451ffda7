"""Looking at processes: what a test started must be gone when it ends."""

from __future__ import annotations

import psutil


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a dead process that nobody collected does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def marked(word: str) -> list[psutil.Process]:
    """Living processes that have ``word`` in their environment, their command line or their working folder."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.cwd(), *process.environ().values()]
        except psutil.Error:
            continue
        if is_alive(process) and any(word in text for text in words):
            found.append(process)
    return found
