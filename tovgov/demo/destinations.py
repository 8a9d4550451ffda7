"""Where the demo's backups go."""

from __future__ import annotations

from pathlib import Path

import boto3
from django.conf import settings

BUCKET = "tovplay-backups"
KEYS = {"access_key": "demo", "secret_key": "demo"}  # moto takes any


def make_folder() -> Path:
    """A folder on this machine, only for its owner."""
    folder = Path(settings.VAR_DIR) / "backups"
    folder.mkdir(mode=0o700)
    return folder


def make_bucket(address: str) -> tuple[dict[str, str], dict[str, str]]:
    """A bucket in the object store at ``address``: plain settings and secrets of a destination."""
    client = boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id=KEYS["access_key"],
        aws_secret_access_key=KEYS["secret_key"],
    )
    client.create_bucket(Bucket=BUCKET)
    return {"bucket": BUCKET, "endpoint_url": address, "region": "us-east-1"}, dict(KEYS)
