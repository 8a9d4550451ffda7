"""The invented people of TovPlay and what they did, the same at every run: a fixed seed, fixed days.

Row counts stand in ``ROWS``; ``scale`` multiplies each. Rows are made one at a time, so that a large scale costs no
memory beyond the keys that other tables refer to.
"""

from __future__ import annotations

import hashlib
import json
import random
import struct
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

SEED = 20260901
BEGAN = datetime(2026, 2, 1, 9, tzinfo=UTC)
DAYS = 210

ROWS = {
    "User": 23,
    "UserProfile": 11,
    "Game": 12,
    "UserAvailability": 154,
    "GameRequest": 182,
    "ScheduledSession": 16,
    "UserGamePreference": 31,
    "UserFriends": 2,
    "UserNotifications": 111,
    "UserSession": 0,
    "EmailVerification": 0,
}
"""Rows a table at scale 1, in an order in which foreign keys can be filled."""

FIRST = ("Noa", "Itai", "Maya", "Daniel", "Tamar", "Yonatan", "Lior", "Shira", "Amit", "Roni", "Omer", "Talia",
         "Eitan", "Gili", "Nadav", "Yael", "Ariel", "Michal", "Ido", "Hila", "Uri", "Dana", "Guy")  # fmt: skip
LAST = ("Almog", "Barkai", "Carmi", "Dotan", "Elad", "Fisher", "Golan", "Harel", "Inbar", "Kedem", "Lavi")
GAMES = (
    ("Stone Harbour", "strategy"),
    ("Paper Dragons", "cards"),
    ("Night Ferry", "mystery"),
    ("Two Towers of Yafo", "board"),
    ("Velvet Rally", "racing"),
    ("Kite Season", "party"),
    ("Deep Orchard", "adventure"),
    ("Quiet Signal", "puzzle"),
    ("Hexagon Market", "board"),
    ("Desert Relay", "sport"),
    ("Lanterns", "cooperative"),
    ("Third Moon", "role play"),
)
MESSAGES = (
    "Would you like to play on the weekend?",
    "I have a free evening, are you in?",
    "Rematch! You won the last three — my turn.",
    "New here and looking for a patient partner 🙂",
    "מתאים לך ביום חמישי בערב?",
    "",
)
TITLES = ("New invitation", "Invitation accepted", "A session starts in an hour", "Your week, summed up")
STATUSES = ("pending", "accepted", "declined", "withdrawn")

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table's name, the columns its rows fill, and the rows."""

    name: str
    columns: tuple[str, ...]
    rows: Iterator[Row]


class Invention:
    """All rows at ``scale``; ``tables()`` yields them in an order in which foreign keys hold."""

    def __init__(self, scale: int = 1) -> None:
        self.scale = scale
        self.count = {name: rows * scale for name, rows in ROWS.items()}
        self._dice = random.Random(SEED)  # noqa: S311 - invented data, no secret
        self._users = [self._key() for _ in range(self.count["User"])]
        self._games = [self._key() for _ in range(self.count["Game"])]

    def tables(self) -> Iterator[Table]:
        """Every table that has rows; consume one's rows before the next is asked for."""
        makers = {
            "User": (self._people, "id username email password_hash role is_active created_at updated_at"),
            "UserProfile": (self._profiles, "id user_id bio languages preferences created_at"),
            "Game": (self._shelf, "id name genre site_url icon price created_at"),
            "UserAvailability": (self._free_times, "user_id day_of_week slot_start slot_end is_recurring created_at"),
            "GameRequest": (
                self._requests,
                "id sender_user_id recipient_user_id game_id suggested_date suggested_time message status "
                "created_at updated_at",
            ),
            "ScheduledSession": (
                self._sessions,
                "id game_id organizer_user_id second_player_id scheduled_date start_time end_time created_at",
            ),
            "UserGamePreference": (self._preferences, "id user_id game_id skill created_at"),
            "UserFriends": (self._friends, "id user_id friend_id created_at"),
            "UserNotifications": (self._notifications, "id user_id title is_read created_at"),
        }
        for name, (maker, columns) in makers.items():
            yield Table(name, tuple(columns.split()), maker())

    # --- one table each --------------------------------------------------------------------------------------------

    def _people(self) -> Iterator[Row]:
        for number, key in enumerate(self._users):
            first, last = FIRST[number % len(FIRST)], LAST[number * 7 % len(LAST)]
            name = f"{first.lower()}.{last.lower()}" + (f"{number}" if number >= len(FIRST) else "")
            role = "administrator" if number == 0 else "moderator" if number in (1, 2) else "player"
            secret = hashlib.sha256(f"{SEED}:{number}".encode()).hexdigest()
            joined = self._moment()
            yield key, name, f"{name}@example.org", f"invented${secret}", role, number % 11 != 10, joined, joined

    def _profiles(self) -> Iterator[Row]:
        for number in range(self.count["UserProfile"]):
            languages = ["he", "en"] if number % 3 else ["he"]
            likes = json.dumps({"voice": number % 2 == 0, "team": self._dice.randrange(2, 6), "theme": "night"})
            bio = f"Plays {GAMES[number % len(GAMES)][0]} since {2015 + number % 10}."
            yield self._key(), self._users[number], bio, languages, likes, self._moment()

    def _shelf(self) -> Iterator[Row]:
        for number, key in enumerate(self._games):
            name, genre = GAMES[number % len(GAMES)]
            edition = number // len(GAMES)
            name += f" {edition + 1}" if edition else ""
            site = f"https://games.example.org/{number}"
            yield key, name, genre, site, icon(self._dice.randbytes(9)), f"{number * 7 % 60}.90", self._moment()

    def _free_times(self) -> Iterator[Row]:
        for _ in range(self.count["UserAvailability"]):
            start = self._dice.randrange(8, 21)
            recurring = self._dice.random() < 0.8
            yield (
                self._dice.choice(self._users), self._dice.randrange(7), time(start), time(start + 2), recurring,
                self._moment(),
            )  # fmt: skip

    def _requests(self) -> Iterator[Row]:
        for _ in range(self.count["GameRequest"]):
            asked = self._moment()
            wanted = asked + timedelta(days=self._dice.randrange(1, 14))
            status = self._dice.choices(STATUSES, weights=(3, 4, 2, 1))[0]
            yield (
                self._key(), *self._dice.sample(self._users, 2), self._dice.choice(self._games), wanted.date(),
                time(self._dice.randrange(8, 23), 30), self._dice.choice(MESSAGES), status, asked, asked,
            )  # fmt: skip

    def _sessions(self) -> Iterator[Row]:
        for number in range(self.count["ScheduledSession"]):
            start = self._dice.randrange(16, 22)
            day: date = (BEGAN + timedelta(days=DAYS + number % 30)).date()
            yield (
                self._key(), self._dice.choice(self._games), *self._dice.sample(self._users, 2), day, time(start, 30),
                time(start + 1, 45), self._moment(),
            )  # fmt: skip

    def _preferences(self) -> Iterator[Row]:
        for number in range(self.count["UserGamePreference"]):
            user, round_ = number % len(self._users), number // len(self._users)
            game = (number * 5 + round_) % len(self._games)
            yield self._key(), self._users[user], self._games[game], self._dice.randrange(1, 6), self._moment()

    def _friends(self) -> Iterator[Row]:
        for number in range(self.count["UserFriends"]):
            yield self._key(), self._users[2 * number], self._users[2 * number + 1], self._moment()

    def _notifications(self) -> Iterator[Row]:
        for _ in range(self.count["UserNotifications"]):
            title, is_read = self._dice.choice(TITLES), self._dice.random() < 0.6
            yield self._key(), self._dice.choice(self._users), title, is_read, self._moment()

    # --- small things ----------------------------------------------------------------------------------------------

    def _key(self) -> uuid.UUID:
        return uuid.UUID(int=self._dice.getrandbits(128), version=4)

    def _moment(self) -> datetime:
        return BEGAN + timedelta(microseconds=self._dice.randrange(DAYS * 86_400 * 1_000_000))


def icon(seed: bytes, size: int = 24) -> bytes:
    """A small PNG of two colours, mirrored so that it looks meant; ``seed`` has nine bytes."""
    front, back = seed[:3], seed[3:6]
    pattern = int.from_bytes(seed[6:9])
    cells = [[pattern >> (row * 3 + min(column, 4 - column)) & 1 for column in range(5)] for row in range(5)]
    lines = b"".join(
        b"\0" + b"".join(front if cells[y * 5 // size][x * 5 // size] else back for x in range(size))
        for y in range(size)
    )
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
