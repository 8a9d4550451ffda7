"""S3 and what speaks like it (MinIO, Ceph, R2, B2 …)."""

from __future__ import annotations

import errno
from typing import Any, Self
from urllib.parse import urlsplit

from botocore.config import Config
from django.core.files import File
from storages.backends.s3 import S3Storage

from backups.destinations.base import CopyStorage
from backups.exceptions import DestinationInvalid


class S3CopyStorage(CopyStorage, S3Storage):  # type: ignore[misc]
    """Objects below ``prefix``. An object appears only when its last part has arrived: S3 itself sees to that."""

    needed = frozenset({"bucket"})
    known = needed | {"prefix", "endpoint_url", "region", "addressing_style"}
    known_secrets = frozenset({"access_key", "secret_key"})

    @classmethod
    def of(cls, settings: dict[str, Any], secrets: dict[str, Any]) -> Self:
        client = Config(
            connect_timeout=10,
            read_timeout=60,
            retries={"max_attempts": 3, "mode": "standard"},
            # Not every server knows the newer checksum headers; every byte is read back and compared anyway.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": settings.get("addressing_style") or "auto"},
        )
        return cls(
            bucket_name=settings["bucket"],
            location=(settings.get("prefix") or "").strip("/"),
            endpoint_url=settings.get("endpoint_url") or None,
            region_name=settings.get("region") or None,
            access_key=secrets.get("access_key") or None,
            secret_key=secrets.get("secret_key") or None,
            client_config=client,
            file_overwrite=False,
            object_parameters={"ContentType": "application/octet-stream"},
            default_acl=None,
        )

    @classmethod
    def check(cls, settings: dict[str, Any]) -> None:
        url = settings.get("endpoint_url")
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise DestinationInvalid(f'"{url}" is not a web address.')

    def check_root(self) -> None:
        self.connection.meta.client.head_bucket(Bucket=self.bucket_name)

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        """The object as a stream; django-storages would download it whole into memory first."""
        client = self.connection.meta.client
        try:
            answer = client.get_object(Bucket=self.bucket_name, Key=self._normalize_name(name))
        except client.exceptions.NoSuchKey:
            raise FileNotFoundError(errno.ENOENT, "there is no such object", name) from None
        return File(answer["Body"], name=name)

    def remove_folder(self, path: str) -> None:
        if not path.strip("/"):
            return
        prefix = self._normalize_name(path).rstrip("/") + "/"
        for upload in self.bucket.multipart_uploads.filter(Prefix=prefix):
            upload.abort()
        for item in self.bucket.objects.filter(Prefix=prefix):
            item.delete()
