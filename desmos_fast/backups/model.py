# SPDX-License-Identifier: Apache-2.0
"""What is kept beside a backup, and of each trial of restoring one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from desmos_fast.base.errors import InvalidInput, OutsideFailed

Instant = Annotated[datetime, Meta(tz=True)]
Counts = Mapping[str, int]


class BackupFailed(OutsideFailed):
    """No backup was made, or none could be restored; nothing is there under its name."""

    code = "outside_failed"


class BackupBroken(InvalidInput):
    """A backup is not what was written: it must not be counted on."""

    code = "invalid_input"


class Server(Struct, frozen=True, kw_only=True):
    """What a server says of itself: `wal` is the segment of WAL that ends after everything committed by `now`, None on a standby.

    `archived` is the last segment that its archive has, since `archived_at`; None without one.
    """

    version: str
    major: int
    now: Instant
    archiving: bool
    wal: str | None
    archived: str | None
    archived_at: Instant | None


class Content(Struct, frozen=True, kw_only=True):
    """What a database holds: rows by table over all centres, and when its last event was written."""

    rows: Counts
    last_commit: Instant | None


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of a backup: it holds everything that was committed by `begun_at`.

    `least` and `most` are the rows of each table that the service never deletes from, before it began and after it ended.
    `sha256` is that of PostgreSQL's own manifest, which has the hash of each file.
    """

    format: Annotated[int, Meta(ge=1, le=1)]
    name: Annotated[str, Meta(pattern=r"^[0-9]{8}T[0-9]{6}Z$")]
    begun_at: Instant
    ended_at: Instant
    version: str
    major: int
    archiving: bool
    bytes: int
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    least: dict[str, int]
    most: dict[str, int]


class Trial(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One backup restored for trial: whether it served, and if not why.

    `phases` and `rto_s` are seconds; `rpo_s` is from the last commit of the copy to that of the database at the time, None when
    either is unknown.
    """

    backup: str
    at: Instant
    passed: bool
    why: str
    phases: dict[str, float]
    rto_s: float
    last_commit: Instant | None
    rpo_s: float | None
    tables: int
    rows: int


class Kept(Struct, frozen=True):
    """What a folder holds, the oldest first."""

    backups: list[Manifest]
    trials: list[Trial]
