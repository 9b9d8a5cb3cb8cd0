# SPDX-License-Identifier: Apache-2.0
"""A cluster of its own, with an archive of WAL: saved while it runs, verified, restored for trial; what is damaged is seen."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import pytest
from typer.testing import CliRunner

from desmos_fast.backups import folder as folders
from desmos_fast.backups import jobs, programs, rules, scratch, service
from desmos_fast.backups.model import BackupBroken, BackupFailed
from desmos_fast.backups.service import Source
from desmos_fast.base.clock import system_clock
from desmos_fast.base.errors import DesmosError
from desmos_fast.base.settings import Settings
from desmos_fast.base.types import uuid7
from desmos_fast.cli import app
from desmos_fast.db import journal, pool, postmaster
from desmos_fast.db.embedded import Cluster, open_cluster
from desmos_fast.db.home import account, make_home, own_folder
from desmos_fast.db.journal import Event
from desmos_fast.db.migrate import migrate
from desmos_fast.db.tenant import direct
from monitoring import metrics
from tests.db.places import ask

LONG_S: Final = 60.0
DATABASE: Final = "desmos"
# As for the other tests, which PostgreSQL.
CHOSEN: Final = os.environ.get("DESMOS_TEST_PG_BIN")
PROGRAMS: Final = Path(CHOSEN) if CHOSEN else None


class Place(NamedTuple):
    """A cluster that archives, a centre in it, and a backup that was taken of it."""

    cluster: Cluster
    archive: Path
    tenant: UUID
    backups: Path
    said: dict[str, Any]
    first: UUID

    @property
    def source(self) -> Source:
        return Source(self.cluster.owner_dsn(DATABASE), self.cluster.app_dsn(DATABASE), self.cluster.data_dir, PROGRAMS)


def happen(cluster: Cluster, tenant: UUID, name: str = "incident.declared") -> UUID:
    """Write one event, and return its id."""

    async def write() -> UUID:
        async with direct(cluster.app_dsn(DATABASE), tenant) as con:
            await journal.record(con, tenant, system_clock(), [Event(name, uuid7())], by="worker")
            return UUID(str(await con.fetchval("SELECT id FROM event WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1", tenant)))

    return asyncio.run(write())


def written_at(event: UUID) -> datetime:
    return datetime.fromtimestamp((event.int >> 80) / 1000, UTC)


def command(place: Path, *words: str, status: int = 0) -> str:
    run = CliRunner().invoke(app, ["backup", *words], env={"DESMOS_DATA_DIR": str(place), "DESMOS_PG_BIN": CHOSEN or ""})
    assert run.exit_code == status, (run.output, run.exception)
    return run.output


def centre(cluster: Cluster) -> UUID:
    tenant = uuid7()
    add = f"INSERT INTO centre (tenant_id, finess, name) VALUES ('{tenant}', '750000010', 'Centre de test')"
    ask(cluster.owner_dsn(DATABASE), add, "SELECT 1")
    return tenant


def prepared(cluster: Cluster, archive: Path, backups: Path) -> Place:
    asyncio.run(migrate(cluster.owner_dsn(DATABASE)))
    # What a copy must not follow stands in its own files too.
    for change in ("archive_mode = 'on'", f"archive_command = 'cp %p {archive}/%f'"):
        ask(cluster.admin_dsn(), f"ALTER SYSTEM SET {change}", "SELECT 1")
    tenant = centre(cluster)
    first = happen(cluster, tenant)
    (backups / "20200101T000000Z.part").mkdir(parents=True)
    said = json.loads(command(cluster.data_dir, "take", "--in", str(backups), "--json"))
    return Place(cluster, archive, tenant, backups, said, first)


@pytest.fixture(scope="module")
def place(open_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    data_dir = open_folder / f"saved-{os.urandom(4).hex()}"
    archive = data_dir / "archive"
    make_home(data_dir)
    own_folder(archive, account())
    with pytest.MonkeyPatch.context() as patch:
        # As an operator writes it into postgresql.conf; nobody looks at what a machine without power would keep.
        fixed = tuple(option.replace("fsync=on", "fsync=off") for option in postmaster._FIXED)
        patch.setattr(postmaster, "_FIXED", (*fixed, "archive_mode=on", f"archive_command=cp %p {archive}/%f"))
        running = open_cluster(Settings(data_dir=data_dir, pg_bin=PROGRAMS))
        patch.setattr(postmaster, "_FIXED", fixed)
        with running as cluster:
            yield prepared(cluster, archive, tmp_path_factory.mktemp("backups") / "kept")
    shutil.rmtree(data_dir)


def test_a_backup_is_whole_before_it_has_its_name(place: Place) -> None:
    name = place.said["name"]
    assert sorted(path.name for path in place.backups.iterdir() if not path.name.startswith(".")) == [name]
    assert (place.backups / name / "cluster" / "PG_VERSION").exists()
    assert place.said["least"]["event"] == place.said["most"]["event"] == 1 and place.said["least"]["centre"] == 1
    assert "pgqueuer" not in place.said["least"] and place.said["archiving"] is True
    assert [one.name for one in folders.read(place.backups).backups] == [name]
    assert [oct(path.stat().st_mode & 0o077) for path in (place.backups / name, place.backups / name / "cluster")] == ["0o0", "0o0"]
    assert "is what was written" in command(place.cluster.data_dir, "verify", "--in", str(place.backups))


def test_a_copy_is_proved_and_says_what_would_have_been_lost(place: Place, tmp_path: Path) -> None:
    room = place.cluster.data_dir / "scratch"
    room.mkdir(mode=0o711)
    second = happen(place.cluster, place.tenant)
    settle(place)
    archived = set(place.archive.iterdir())
    told = json.loads(command(place.cluster.data_dir, "restore-test", "--in", str(place.backups), "--scratch", str(room), "--json"))
    assert (told["passed"], told["why"], told["backup"]) == (True, "", place.said["name"])
    assert told["phases"].keys() == {"verify", "copy", "start", "prove"} and told["rto_s"] == pytest.approx(sum(told["phases"].values()))
    assert datetime.fromisoformat(told["last_commit"]) == written_at(place.first)
    assert told["rpo_s"] == pytest.approx((written_at(second) - written_at(place.first)).total_seconds(), abs=0.001) and told["rpo_s"] > 0
    assert list(room.iterdir()) == [], "the copy is gone"
    settle(place)
    assert set(place.archive.iterdir()) == archived, "the copy archives nothing"
    assert [one.passed for one in folders.read(place.backups).trials] == [True]
    assert "restored in" in command(place.cluster.data_dir, "list", "--in", str(place.backups))


def test_a_copy_goes_on_to_the_end_of_the_archive_and_lacks_what_came_later(place: Place) -> None:
    archived = happen(place.cluster, place.tenant)
    ask(place.cluster.admin_dsn(), "SELECT pg_switch_wal()", "SELECT 1")
    settle(place)
    lost = happen(place.cluster, place.tenant)
    there = set(place.archive.iterdir())
    words = ("restore-test", "--in", str(place.backups), "--archive", str(place.archive), "--json")
    told = json.loads(command(place.cluster.data_dir, *words))
    assert (told["passed"], told["why"]) == (True, "")
    assert datetime.fromisoformat(told["last_commit"]) == written_at(archived)
    assert told["rpo_s"] == pytest.approx((written_at(lost) - written_at(archived)).total_seconds(), abs=0.001)
    settle(place)
    assert set(place.archive.iterdir()) == there
    for odd in (Path("/tmp/a'b"), Path("wal"), Path("/nowhere")):
        with pytest.raises(BackupFailed, match="cannot"):
            asyncio.run(service.try_out(place.source, place.backups, None, system_clock, archive=odd))


def settle(place: Place) -> None:
    """Wait until the server has put away all that is ready."""
    ends = time.monotonic() + LONG_S
    while ask(place.cluster.admin_dsn(), "SELECT 1", "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"):
        assert time.monotonic() < ends, "the archive stands still"
        time.sleep(0.1)


def damaged(place: Place, to: Path) -> Path:
    shutil.copytree(place.backups, to / "damaged", ignore=shutil.ignore_patterns("trials"))
    return to / "damaged" / str(place.said["name"])


def test_a_byte_that_is_another_is_seen_and_no_copy_is_started(place: Place, tmp_path: Path) -> None:
    folder = damaged(place, tmp_path)
    path = max((folder / "cluster" / "base").rglob("[0-9]*"), key=lambda one: one.stat().st_size if one.is_file() else 0)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BackupBroken, match="not what was written"):
        service.verify(place.source, folder.parent, None)
    said = command(place.cluster.data_dir, "restore-test", "--in", str(folder.parent), status=1)
    assert "DOES NOT SERVE" in said
    [tried] = folders.read(folder.parent).trials
    assert not tried.passed and tried.phases.keys() == {"verify"} and path.name in tried.why


def test_a_list_of_files_that_is_another_is_seen(place: Place, tmp_path: Path) -> None:
    folder = damaged(place, tmp_path)
    path = folder / "cluster" / "backup_manifest"
    path.write_bytes(path.read_bytes().replace(b"PG_VERSION", b"PG_VERSIOM", 1))
    with pytest.raises(BackupBroken, match="another list"):
        service.verify(place.source, folder.parent, None)
    path.unlink()
    with pytest.raises(BackupBroken, match="no list"):
        service.verify(place.source, folder.parent, None)


def test_a_copy_with_other_rows_does_not_serve(place: Place, tmp_path: Path) -> None:
    folder = damaged(place, tmp_path)
    manifest = folder / folders.MANIFEST
    told = json.loads(manifest.read_text())
    told["least"]["event"] = told["most"]["event"] = 2
    manifest.write_text(json.dumps(told))
    # A trial needs the backup alone: nothing of the database itself.
    owner, serves = (
        programs.moved_dsn(dsn, Path("/nowhere"), 1) for dsn in (place.cluster.owner_dsn(DATABASE), place.cluster.app_dsn(DATABASE))
    )
    away = Source(owner, serves, place.cluster.data_dir, PROGRAMS)
    tried = asyncio.run(service.try_out(away, folder.parent, None, system_clock, place=place.cluster.data_dir))
    assert (tried.passed, tried.why, tried.rpo_s) == (False, "event: 1 rows, not 2", None)
    assert tried.last_commit == written_at(place.first)


def test_what_cannot_be_is_told(place: Place, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="no backup in"):
        service.verify(place.source, tmp_path, None)
    with pytest.raises(BackupFailed, match="no backup 2"):
        service.verify(place.source, place.backups, "20200101T000000Z")
    wrong = place.cluster.owner_dsn(DATABASE)
    with pytest.raises(BackupFailed, match="pg_basebackup failed"):
        asyncio.run(service.take(place.source, wrong, tmp_path / "none"))
    assert wrong.split(":")[2].split("@")[0] not in command(place.cluster.data_dir, "list", "--in", str(tmp_path / "none"))
    # That there is no room says nothing of the backup.
    before = folders.read(place.backups).trials
    command(place.cluster.data_dir, "restore-test", "--in", str(place.backups), "--scratch", "/nowhere", status=1)
    assert folders.read(place.backups).trials == before
    bare = Source(place.cluster.owner_dsn("postgres"), place.cluster.app_dsn("postgres"), place.cluster.data_dir, PROGRAMS)
    with pytest.raises(DesmosError, match="no tables of ours"):
        asyncio.run(service.content(bare.owner_dsn))
    with pytest.raises(DesmosError, match="cannot list the centres"):
        asyncio.run(service.content(place.source.app_dsn))
    with folders.held(tmp_path / "none"):
        command(place.cluster.data_dir, "take", "--in", str(tmp_path / "none"), status=1)
    command(place.cluster.data_dir, "take", status=2)


KILLED: Final = """
import asyncio, os, signal, sys
from pathlib import Path
from desmos_fast.backups import service
from desmos_fast.base.clock import system_clock

async def die(_dsn):
    print("started", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

service.migrate.migrate = die
owner, app, data_dir, folder, scratch, programs = sys.argv[1:]
source = service.Source(owner, app, Path(data_dir), Path(programs) if programs else None)
asyncio.run(service.try_out(source, Path(folder), None, system_clock, place=Path(scratch)))
"""


@pytest.mark.fault
def test_what_a_killed_trial_leaves_is_ended_by_the_next_one(place: Place) -> None:
    room = place.cluster.data_dir / "killed"
    room.mkdir(mode=0o711)
    source = place.source
    given = source.owner_dsn, source.app_dsn, str(source.data_dir), str(place.backups), str(room), CHOSEN or ""
    died = subprocess.run([sys.executable, "-c", KILLED, *given], capture_output=True, text=True, timeout=300)
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, "started\n"), died.stderr
    [left] = room.iterdir()
    found = postmaster.running(left / "postgres")
    assert found is not None, "its server runs on"
    command(place.cluster.data_dir, "restore-test", "--in", str(place.backups), "--scratch", str(room))
    assert list(room.iterdir()) == [] and not postmaster.alive(found.pid, left / "postgres")


def test_what_another_trial_holds_is_left_to_it(tmp_path: Path) -> None:
    home = tmp_path / f"{scratch.PREFIX}other"
    home.mkdir()
    held = scratch._hold(home)
    scratch.clear(tmp_path)
    assert home.exists()
    os.close(held)
    scratch.clear(tmp_path)
    assert not home.exists()


def shown(name: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name)


def test_a_worker_shows_how_old_the_last_one_is_and_what_would_be_lost(place: Place, tmp_path: Path) -> None:
    begun = datetime.fromisoformat(place.said["begun_at"])

    async def look(archive: rules.Archive, folder: Path) -> None:
        opened = await pool.create(place.cluster.app_dsn(DATABASE), 1)
        try:
            await jobs.look(opened, folder, system_clock, archive)
        finally:
            await opened.close()

    archive = rules.Archive()
    asyncio.run(look(archive, tmp_path))
    assert [shown(f"desmos_{name}") for name in ("backup_timestamp_seconds", "rpo_seconds", "restore_test_timestamp_seconds")] == [None] * 3
    asyncio.run(look(archive, place.backups))
    assert shown("desmos_backup_timestamp_seconds") == begun.timestamp() and (shown("desmos_backup_bytes") or 0) > 1e6
    # What is committed is saved once its segment is in the archive, and the worker looks.
    happen(place.cluster, place.tenant)
    committed = system_clock()
    asyncio.run(look(archive, place.backups))
    assert (shown("desmos_rpo_seconds") or 0) > 0
    ask(place.cluster.admin_dsn(), "SELECT pg_switch_wal()", "SELECT 1")
    ends = system_clock().timestamp() + LONG_S
    while (system_clock().timestamp() - (shown("desmos_rpo_seconds") or 0)) < committed.timestamp():
        assert system_clock().timestamp() < ends, "the archive never held it"
        asyncio.run(look(archive, place.backups))


def test_a_copy_in_which_something_does_not_hold_does_not_serve(place: Place) -> None:
    """The last one here: an invoice was signed that nobody knows, and the archive has it."""
    happen(place.cluster, place.tenant, "invoice.signed")
    ask(place.cluster.admin_dsn(), "SELECT pg_switch_wal()", "SELECT 1")
    settle(place)
    tried = asyncio.run(service.try_out(place.source, place.backups, None, system_clock, archive=place.archive))
    assert (tried.passed, tried.why) == (False, "I2 does not hold")
