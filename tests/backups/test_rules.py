# SPDX-License-Identifier: Apache-2.0
"""What follows from backups, trials and the archive: what would be lost, for how long nothing was saved, whether a copy is whole."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from typer.testing import CliRunner

from desmos_fast.backups import folder as folders
from desmos_fast.backups import programs, rules
from desmos_fast.backups.model import BackupBroken, BackupFailed, Manifest, Server, Trial
from desmos_fast.cli import app

NOON: Final = datetime(2026, 10, 6, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def backup(minutes: float, *, archiving: bool = False, took: float = 10) -> Manifest:
    begun = at(minutes)
    return Manifest(
        format=1, name=f"{begun:{folders.NAME}}", begun_at=begun, ended_at=begun + timedelta(minutes=took), version="15.1", major=15,
        archiving=archiving, bytes=1, sha256="0" * 64, least={"event": 2}, most={"event": 3},
    )  # fmt: skip


def trial(minutes: float, *, passed: bool = True, rto_s: float = 30.2, rpo_s: float | None = 2.5) -> Trial:
    return Trial(
        backup="20261006T120000Z", at=at(minutes), passed=passed, why="" if passed else "I6 does not hold", phases={"copy": rto_s},
        rto_s=rto_s, last_commit=None, rpo_s=rpo_s, tables=1, rows=2,
    )  # fmt: skip


def server(minutes: float, wal: int, archived: int | None, archived_at: float = 0, *, archiving: bool = True) -> Server:
    return Server(
        version="15.1", major=15, now=at(minutes), archiving=archiving, wal=f"{wal:024X}",
        archived=None if archived is None else f"{archived:024X}", archived_at=None if archived is None else at(archived_at),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"event": 2, "lot": 1}, []), ({"event": 3, "lot": 1}, []), ({"event": 1, "lot": 1}, ["event: 1 rows, not 2 to 3"]),
        ({"event": 4, "lot": 2}, ["event: 4 rows, not 2 to 3", "lot: 2 rows, not 1"]), ({"event": 2}, ["lot: 0 rows, not 1"]),
    ],
)  # fmt: skip
def test_a_copy_has_the_rows_that_there_were(found: dict[str, int], told: list[str]) -> None:
    assert rules.differences({"event": 2, "lot": 1}, {"event": 3, "lot": 1}, found) == told


def test_rows_that_went_meanwhile_are_no_difference() -> None:
    assert rules.differences({"event": 3}, {"event": 2}, {"event": 2}) == []


def test_an_archive_holds_what_it_held_at_a_look() -> None:
    archive = rules.Archive()
    # At the first look nothing shows that the archive holds all: no more than it had put away, nor than now.
    assert archive.saved_at(server(10, wal=5, archived=4, archived_at=3)) == at(3)
    assert archive.saved_at(server(11, wal=5, archived=4, archived_at=3)) == at(3)
    assert archive.saved_at(server(12, wal=6, archived=5, archived_at=11.5)) == at(11)
    assert archive.saved_at(server(13, wal=6, archived=6, archived_at=12.5)) == at(13)
    # It falls behind: what it put away just now is old.
    assert archive.saved_at(server(14, wal=9, archived=7, archived_at=13.9)) == at(13)
    assert archive.saved_at(server(60, wal=90, archived=8, archived_at=59.9)) == at(13)
    assert archive.saved_at(server(61, wal=90, archived=9, archived_at=60.9)) == at(14)


def test_an_archive_that_stands_still_since_before_the_first_look_gets_older() -> None:
    archive = rules.Archive()
    for minute in (10, 20, 30):
        assert archive.saved_at(server(minute, wal=50 + minute, archived=minute, archived_at=minute)) == at(10)


def test_without_an_archive_nothing_is_saved_by_it() -> None:
    assert rules.Archive().saved_at(server(10, 5, 5, archiving=False)) is None
    assert rules.Archive().saved_at(server(10, 5, None)) is None


def test_what_would_be_lost_now() -> None:
    assert rules.lost_s(at(60), [], at(59)) is None, "an archive alone restores nothing"
    assert rules.lost_s(at(60), [backup(-60), backup(0)], None) == 3600
    assert rules.lost_s(at(60), [backup(0, archiving=True)], at(59)) == 60
    assert rules.lost_s(at(60), [backup(0, archiving=True)], at(-5)) == 3600
    assert rules.lost_s(at(60), [backup(0, archiving=False)], at(59)) == 3600, "the archive does not go on from that one"


def test_for_how_long_nothing_was_saved() -> None:
    day = 24 * 60
    assert next(rules.gaps([backup(0)], at(-60), at(day))) == (at(10), 4200), "before the first nothing was saved"
    made = list(rules.gaps([backup(-day), backup(0), backup(2 * day, archiving=True), backup(3 * day)], at(-60), at(4 * day)))
    # What was committed just after a backup began is saved when the next one has ended.
    assert made == [(at(10), 86400 + 600), (at(2 * day + 10), 2 * 86400 + 600), (at(4 * day), 86400)]
    assert list(rules.gaps([], at(0), at(day))) == []


def test_no_password_is_on_a_command_line() -> None:
    dsn = "postgresql://desmos_backup:s%40cret@db.example:5433/desmos?sslmode=verify-full"
    shown, password = programs.split_dsn(dsn)
    assert (shown, password) == ("postgresql://desmos_backup@db.example:5433/desmos?sslmode=verify-full", "s@cret")
    moved = programs.moved_dsn(dsn, Path("/tmp/a b"), 5432)
    assert moved == "postgresql://desmos_backup:s%40cret@/desmos?host=%2Ftmp%2Fa%20b&port=5432"


def test_what_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "20261006T120000Z").mkdir()
    (tmp_path / "20261006T120000Z" / folders.MANIFEST).write_text("{}")
    with pytest.raises(BackupBroken, match="cannot be read"):
        folders.read(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(BackupFailed, match="cannot be read"):
        folders.read(tmp_path / "file")
    (tmp_path / "20261006T120000Z" / folders.MANIFEST).unlink()
    with pytest.raises(BackupFailed, match="cannot be read"):
        folders.read(tmp_path)


def kept(folder: Path, backups: list[Manifest], trials: list[Trial]) -> None:
    for one in backups:
        (folder / one.name).mkdir(parents=True)
        folders.write(folder / one.name / folders.MANIFEST, one)
    for tried in trials:
        folders.keep_trial(folder, tried)


def limits(folder: Path, month: str) -> dict[str, tuple[Any, bool | None]]:
    run = CliRunner().invoke(app, ["slo", "report", "--month", month, "--from", "-", "--json", "--backups", str(folder)], input="")
    assert run.exit_code == 0, run.output
    return {one["what"]: (one["found"], one["kept"]) for one in json.loads(run.stdout)["limits"] if one["tier"] == "premium"}


def test_the_report_of_a_month_says_what_was_measured_or_that_nothing_was(tmp_path: Path) -> None:
    assert {limits(tmp_path, "2026-10")[what] for what in ("rpo", "rto", "restore_test")} == {("not measured", None)}
    hour = 60
    backups = [backup(-6 * 24 * hour, archiving=True), backup(-hour), backup(0), backup(0.2 * hour, archiving=True)]
    kept(tmp_path, backups, [trial(1), trial(2, passed=False, rto_s=9e9), trial(9e4)])
    found = limits(tmp_path, "2026-10")
    # An hour and the ten minutes that the backup took; the trial of December counts there.
    assert found["rpo"] == (4200, False)
    assert found["rto"] == (31, True)
    assert found["restore_test"] == ("1 of 2 passed", False)
    assert limits(tmp_path, "2026-09")["restore_test"] == ("not measured", None)
    assert limits(tmp_path, "2026-08")["rpo"] == ("not measured", None)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    kept(tmp_path, [backup(0), backup(-5)], [trial(1)])
    (tmp_path / "20200101T000000Z.part").mkdir()
    found = folders.read(tmp_path)
    assert found.backups == [backup(-5), backup(0)] and found.trials == [trial(1)]
    assert msgspec.json.decode((tmp_path / found.backups[0].name / folders.MANIFEST).read_bytes())["format"] == 1
