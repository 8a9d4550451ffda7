"""Copy a made file to where a person wants it."""

from __future__ import annotations

import shutil
from pathlib import Path

from audit.exceptions import ExportFolderUnusable
from audit.exports.request import Made


def copy_out(made: Made, path: Path) -> None:
    """Copy it to a new file that its owner alone reads. Raises ``ExportFolderUnusable``."""
    with made.file:
        try:
            with path.open("xb") as out:
                path.chmod(0o600)
                shutil.copyfileobj(made.file, out)
        except OSError as error:
            raise ExportFolderUnusable(
                f"{path}: {error.strerror}.", hint="Name a new file in a folder that you may write to."
            ) from error
