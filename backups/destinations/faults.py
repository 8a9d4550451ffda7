"""What the libraries of the media raise, in one sentence a person understands."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import boto3.exceptions
import botocore.exceptions
import paramiko
from django.core.exceptions import SuspiciousOperation

from backups.exceptions import DestinationUnreachable, DiskFull
from backups.models import Destination

FAULTS = (
    OSError,
    EOFError,
    paramiko.SSHException,
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
    boto3.exceptions.Boto3Error,
    SuspiciousOperation,
)
FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def reaching(destination: Destination) -> Iterator[None]:
    """Turn a fault of the medium into ``DestinationUnreachable``, a full disk into ``DiskFull``."""
    try:
        yield
    except FAULTS as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise DiskFull(f"{destination} has no space left.") from error
        raise DestinationUnreachable(f"{destination}: {words(error)}") from error


def words(error: BaseException) -> str:
    """The error's own sentence, one line, without what a library adds around it."""
    if isinstance(error, paramiko.BadHostKeyException):
        return f"the host key of {error.hostname} is not the one that was agreed on; nothing was sent."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f' ({error.filename})' if error.filename else ''}."
    told = " ".join(str(error).split())[:300]
    return told or type(error).__name__
