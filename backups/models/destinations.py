"""Destinations: where the copies of a backup go."""

from __future__ import annotations

from django.db import models

from audit.models.fields import EncryptedJSONField


class DestinationKind(models.TextChoices):
    FOLDER = "folder", "Folder"
    S3 = "s3", "S3-compatible"
    SFTP = "sftp", "SFTP"


class Destination(models.Model):
    """A place for copies. ``settings`` holds what is plain (folder, bucket, endpoint, host), ``secrets`` the rest."""

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=DestinationKind.choices)
    settings = models.JSONField(default=dict, blank=True)
    secrets = EncryptedJSONField(blank=True, default=dict)
    is_active = models.BooleanField(default=True, help_text="New backups go to every active destination.")
    created_at = models.DateTimeField(auto_now_add=True)
    tested_at = models.DateTimeField(null=True, editable=False)
    test_error = models.TextField(blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
