"""Seals: the Merkle tree of each import source, its signed checkpoints, and where they are published.

The database itself refuses to change a checkpoint or the note of a retired range (migration ``0006_seal_guard``).
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from audit.models.fields import EncryptedTextField
from audit.models.imports import ImportSource
from audit.models.jobs import Job, JobManager
from audit.models.targets import Target, sendable


class SealTree(models.Model):
    """The tree over all entries of one source, in the order in which they were stored."""

    source = models.OneToOneField(ImportSource, on_delete=models.CASCADE, related_name="seal_tree")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False, help_text="Its name outside of tovgov.")
    size = models.BigIntegerField(default=0, help_text="How many leaves it has.")
    frontier = models.BinaryField(default=b"", help_text="The roots of its full subtrees, the largest first.")

    class Meta:
        verbose_name = "seal tree"
        constraints = [models.CheckConstraint(condition=Q(size__gte=0), name="a_tree_has_no_less_than_no_leaf")]

    def __str__(self) -> str:
        return f"Tree of {self.source}"

    @property
    def origin(self) -> str:
        """How its checkpoints name it."""
        return f"tovgov/{self.uuid}"


class SealTile(models.Model):
    """Up to 256 hashes of one level of a tree, side by side. Only the last of a level is not full."""

    tree = models.ForeignKey(SealTree, on_delete=models.CASCADE, related_name="tiles", db_index=False)
    level = models.PositiveSmallIntegerField(help_text="0 holds leaves, each further one the roots of full tiles.")
    number = models.BigIntegerField(help_text="From 0.")
    hashes = models.BinaryField()

    class Meta:
        verbose_name = "seal tile"
        constraints = [models.UniqueConstraint(fields=["tree", "level", "number"], name="one_tile_a_place")]

    def __str__(self) -> str:
        return f"Tile {self.number} of level {self.level}"


class Checkpoint(models.Model):
    """A signed statement: at this moment the tree had this size and this root. ``note`` is the whole of it; the other
    fields say the same for queries."""

    tree = models.ForeignKey(SealTree, on_delete=models.PROTECT, related_name="checkpoints", db_index=False)
    number = models.BigIntegerField(help_text="From 1, without gaps.")
    size = models.BigIntegerField()
    root = models.CharField(max_length=64, help_text="In hex.")
    at = models.DateTimeField()
    key_id = models.CharField(max_length=16, help_text="Of the key that signed it.")
    former = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the note before it.")
    note = models.TextField(help_text="As it is published: a signed note (C2SP tlog-checkpoint).")

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["tree", "number"], name="checkpoints_are_numbered"),
            models.UniqueConstraint(fields=["tree", "size"], name="one_checkpoint_a_size"),
            models.CheckConstraint(condition=Q(number__gte=1) & Q(size__gte=1), name="checkpoints_from_one"),
        ]

    def __str__(self) -> str:
        return f"Checkpoint {self.number} of {self.tree.source}"


class RetiredRange(models.Model):
    """Leaves whose entries were removed on purpose; their hashes are kept. What lies between and is still held is not
    among them."""

    tree = models.ForeignKey(SealTree, on_delete=models.PROTECT, related_name="retired")
    first_leaf = models.BigIntegerField()
    last_leaf = models.BigIntegerField()
    count = models.BigIntegerField(help_text="How many leaves are retired of those.")
    runs = models.JSONField(
        default=list, help_text="[[first, last], …] when it is not all of them; the ledger has its hash."
    )
    at = models.DateTimeField(auto_now_add=True)
    by = models.CharField(max_length=150)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["first_leaf"]
        constraints = [
            models.CheckConstraint(
                condition=Q(first_leaf__gte=0)
                & Q(last_leaf__gte=F("first_leaf"))
                & Q(count__gte=1)
                & Q(count__lte=F("last_leaf") - F("first_leaf") + 1),
                name="a_retired_range_has_leaves",
            )
        ]

    def __str__(self) -> str:
        return f"Leaves {self.first_leaf} to {self.last_leaf} of {self.tree.source}"


class PlaceKind(models.TextChoices):
    """Where a checkpoint can be published."""

    FOLDER = "folder", "A folder"
    MAIL = "mail", "Mail"
    WEBHOOK = "webhook", "A web address"
    DATABASE = "database", "Another PostgreSQL database"


class PublicationPlace(models.Model):
    """A place outside of tovgov's own database, best of another person, where checkpoints are published."""

    name = models.CharField(max_length=80, unique=True, validators=[sendable])
    kind = models.CharField(max_length=10, choices=PlaceKind.choices)
    address = models.CharField(
        max_length=500,
        validators=[sendable],
        help_text="The folder, the mail addresses (with commas between them), the https address, or where the database"
        " is: host=… dbname=… user=…",
    )
    secret = EncryptedTextField(
        blank=True, validators=[sendable], help_text="The web address's key for signatures, or the database's password."
    )
    is_insecure = models.BooleanField(default=False, help_text="Plain http and addresses of this machine are allowed.")
    every_minutes = models.PositiveIntegerField(default=0, help_text="At most so often; 0: each checkpoint at once.")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "publication place"

    def __str__(self) -> str:
        return self.name


class Publication(models.Model):
    """A checkpoint at a place: brought there, or still to be."""

    place = models.ForeignKey(PublicationPlace, on_delete=models.CASCADE, related_name="publications", db_index=False)
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="publications")
    at = models.DateTimeField(null=True, help_text="When it arrived.")
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, help_text="When it is tried again.")
    error_code = models.CharField(max_length=60, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["place", "checkpoint"], name="published_once_a_place")]

    def __str__(self) -> str:
        return f"{self.checkpoint} at {self.place}"


class SealVerification(Job):
    """All sealed entries of a target, read again and compared with their trees."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="seal_verifications")
    leaves = models.BigIntegerField(default=0, help_text="Entries that were read and are as they were sealed.")
    retired = models.BigIntegerField(
        default=0, help_text="Entries that were removed on purpose; their hashes are kept."
    )
    faults = models.JSONField(default=list)

    objects = JobManager()

    class Meta(Job.Meta):
        abstract = False
        ordering = ["-queued_at", "-id"]
        verbose_name = "verification of seals"
        verbose_name_plural = "verifications of seals"
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["target"], condition=Q(state__in=["queued", "running"]), name="one_open_verification_a_target"
            ),
        ]

    def __str__(self) -> str:
        return f"Verification of the seals of {self.target}"
