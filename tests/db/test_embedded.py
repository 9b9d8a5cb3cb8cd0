# SPDX-License-Identifier: Apache-2.0
"""The embedded server: made, kept, taken over, started again, and never open to anyone without a password."""

import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from desmos_fast.base.errors import Conflict, InvalidInput
from desmos_fast.base.settings import Settings
from desmos_fast.db import embedded, postmaster
from desmos_fast.db.binaries import Binaries
from desmos_fast.db.embedded import Cluster, DataInUse, NotRunning, attach, open_cluster
from desmos_fast.db.home import account, make_home
from desmos_fast.db.postmaster import StartFailed
from desmos_fast.db.roles import ADMIN, APP, OWNER, OpenDoor, bootstrap
from desmos_fast.db.secrets import SecretMissing
from tests.db.places import BOTH, Holder, as_user, ask, needs_both, needs_root, rights, upwards
from tests.db.places import SYSTEM as SYSTEM_FOUND
from tests.db.places import WHEEL as WHEEL_FOUND

MAKE = ("CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (41), (42)", "SELECT count(*) FROM kept")
COUNT = "SELECT count(*) FROM kept"


@pytest.fixture
def data_dir(open_folder: Path) -> Iterator[Path]:
    path = open_folder / f"d{os.urandom(4).hex()}"
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir)


def end(pid: int) -> None:
    """Kill a server as a power cut would, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/cwd").exists() and time.monotonic() < deadline:
        time.sleep(0.01)


@BOTH
def test_the_data_are_kept_between_runs(programs: Binaries, data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir, pg_bin=programs.folder)
    with open_cluster(settings) as cluster:
        assert ask(cluster.owner_dsn("desmos"), *MAKE) == 2
        assert (cluster.version, cluster.binaries) == (programs.version, programs.folder)
        first = cluster.passwords
    assert not postmaster.alive(cluster.pid, data_dir / "postgres")
    said: list[str] = []
    with open_cluster(settings, progress=said.append) as cluster:
        assert ask(cluster.owner_dsn("desmos"), COUNT) == 2
        assert cluster.passwords == first
    assert said == [f"Starting PostgreSQL {programs.version}"]


@BOTH
def test_nobody_comes_in_without_the_password(programs: Binaries, data_dir: Path) -> None:
    with open_cluster(Settings(data_dir=data_dir, pg_bin=programs.folder)) as cluster:
        for role in (ADMIN, OWNER, APP):
            place = f"postgresql://{role}@/desmos?host={cluster.socket_dir}"
            for options in ({}, {"password": ""}, {"password": "wrong"}):
                with pytest.raises(asyncpg.InvalidPasswordError):
                    ask(place, "SELECT 1", **options)
        admin = cluster.admin_dsn()
        assert ask(admin, "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules") == "scram-sha-256"
        assert ask(admin, "SHOW listen_addresses") == ""
        assert ask(admin, "SHOW fsync") == "on"
        assert ask(admin, "SHOW max_connections") == "60"
        assert ask(admin, "SELECT count(*) FROM pg_authid WHERE rolcanlogin AND rolpassword NOT LIKE 'SCRAM-SHA-256$%'") == 0
        assert stat.S_IMODE(cluster.socket_dir.stat().st_mode) == 0o700
        assert not any(value in repr(cluster) for value in cluster.passwords.values())


def test_each_role_may_do_its_work_and_no_more(settings: Settings) -> None:
    with open_cluster(settings) as cluster:
        ask(cluster.owner_dsn("desmos"), *MAKE)
        assert ask(cluster.admin_dsn(), "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'desmos'") == OWNER
        rich = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'desmos_%' AND rolname <> 'desmos_admin' AND rolcanlogin"
        assert ask(cluster.admin_dsn(), rich) == 2
        above = f"{rich} AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication)"
        assert ask(cluster.admin_dsn(), above) == 0
        for statement in (COUNT, "CREATE TABLE mine (n int)", "CREATE TEMP TABLE mine (n int)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                ask(cluster.app_dsn("desmos"), statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            ask(cluster.owner_dsn("desmos"), "CREATE DATABASE other")


def test_rights_given_by_hand_are_taken_back(settings: Settings) -> None:
    with open_cluster(settings) as cluster:
        ask(cluster.admin_dsn(), "ALTER ROLE desmos_app BYPASSRLS CREATEDB PASSWORD 'known'", "SELECT 1")
    with open_cluster(settings) as cluster:
        assert ask(cluster.admin_dsn(), "SELECT rolbypassrls OR rolcreatedb FROM pg_roles WHERE rolname = 'desmos_app'") is False
        assert ask(cluster.app_dsn("desmos"), "SELECT current_user") == APP


async def test_a_server_that_refuses_writes_no_verifier_into_its_log(cluster: Cluster) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await bootstrap(f"{cluster.admin_dsn()}&options=-c%20default_transaction_read_only%3Don", cluster.passwords)
    log = (cluster.data_dir / embedded.LOG).read_text(encoding="utf-8")
    assert "read-only transaction" in log
    assert "SCRAM-SHA-256$" not in log


def test_a_cluster_that_trusts_someone_is_not_served(settings: Settings, data_dir: Path) -> None:
    with open_cluster(settings):
        rules = data_dir / "postgres" / "pg_hba.conf"
        rules.write_text(rules.read_text() + "local all intruder trust\n")
    with pytest.raises(OpenDoor, match="pg_hba.conf lets in without a password"):
        open_cluster(settings)
    assert postmaster.running(data_dir / "postgres") is None
    with pytest.raises(NotRunning):
        attach(settings)


def test_an_ordinary_user_runs_it_too(open_folder: Path) -> None:
    command = as_user()
    home = open_folder / f"u{os.urandom(4).hex()}"
    home.mkdir(mode=0o755)
    if os.geteuid() == 0:
        shutil.chown(home, "nobody")
    holder = Holder(command, str(home / "data"))
    told = holder.told()
    assert told.get("uid") == home.stat().st_uid, told
    assert os.stat(f"/proc/{told['pid']}").st_uid == told["uid"]
    cluster = attach(Settings(data_dir=home / "data"))
    assert ask(cluster.app_dsn("desmos"), "SELECT current_user") == APP
    assert stat.S_IMODE((home / "data").stat().st_mode) == 0o700
    assert holder.close() == 0
    with pytest.raises(NotRunning):
        attach(Settings(data_dir=home / "data"))
    shutil.rmtree(home)


@needs_root
def test_root_runs_it_as_someone_else_and_changes_no_rights_outside(data_dir: Path, settings: Settings) -> None:
    assert WHEEL_FOUND is not None
    outside = [*upwards(data_dir.parent), *upwards(WHEEL_FOUND.folder), *(upwards(SYSTEM_FOUND.folder) if SYSTEM_FOUND else ())]
    before = rights(outside)
    with open_cluster(settings) as cluster:
        assert os.stat(f"/proc/{cluster.pid}").st_uid not in (0, None)
        assert os.stat(f"/proc/{cluster.pid}").st_uid == account().uid
        groups = next(line for line in Path(f"/proc/{cluster.pid}/status").read_text().splitlines() if line.startswith("Groups:"))
        assert groups.split() == ["Groups:"]
    assert rights(outside) == before
    # What root keeps for itself below the data folder stays root's: the server could otherwise replace it.
    assert rights([data_dir, data_dir / "lock", data_dir / "postgres.log", data_dir / "secrets"]) == {
        data_dir: (stat.S_IFDIR | 0o711, 0, 0), data_dir / "lock": (stat.S_IFREG | 0o600, 0, 0),
        data_dir / "postgres.log": (stat.S_IFREG | 0o600, 0, 0), data_dir / "secrets": (stat.S_IFDIR | 0o700, 0, 0),
    }  # fmt: skip


@needs_root
def test_a_data_folder_behind_a_closed_door_is_refused_with_a_way_out(open_folder: Path) -> None:
    closed = open_folder / f"c{os.urandom(4).hex()}"
    closed.mkdir(mode=0o700)
    before = rights(upwards(closed))
    with pytest.raises(InvalidInput, match=f"cannot enter {closed}") as caught:
        open_cluster(Settings(data_dir=closed / "below" / "data"))
    assert "DESMOS_DATA_DIR" in caught.value.hint
    assert rights(upwards(closed)) == before


@needs_root
def test_folders_that_root_makes_let_the_account_through_whatever_the_umask(data_dir: Path) -> None:
    before = os.umask(0o077)
    try:
        make_home(data_dir / "above" / "data")
    finally:
        os.umask(before)
    assert account().may("-x", data_dir / "above" / "data")


def test_a_data_folder_that_others_may_write_in_is_refused(data_dir: Path, settings: Settings) -> None:
    data_dir.mkdir()
    data_dir.chmod(0o777)
    with pytest.raises(InvalidInput, match="everyone may write"):
        open_cluster(settings)
    assert list(data_dir.iterdir()) == []


def test_a_second_program_is_told_who_holds_the_data(data_dir: Path, settings: Settings) -> None:
    with open_cluster(settings) as cluster:
        holder = Holder(as_user("root"), str(data_dir))
        told = holder.told()
        assert holder.close() == 3
        assert told["error"] == "DataInUse"
        assert str(os.getpid()) in told["detail"]
        with pytest.raises(DataInUse) as caught:
            open_cluster(settings)
        assert isinstance(caught.value, Conflict)
        assert ask(cluster.app_dsn("desmos"), "SELECT 1") == 1


@BOTH
def test_a_killed_program_leaves_a_server_that_the_next_one_takes_over(programs: Binaries, data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir, pg_bin=programs.folder)
    holder = Holder(as_user("root"), str(data_dir), str(programs.folder))
    told = holder.told()
    assert ask(attach(settings).owner_dsn("desmos"), *MAKE) == 2
    holder.kill()
    assert attach(settings).pid == told["pid"]
    with open_cluster(settings) as cluster:
        assert cluster.pid == told["pid"]
        assert ask(cluster.owner_dsn("desmos"), COUNT) == 2
    assert not postmaster.alive(told["pid"], data_dir / "postgres")


@BOTH
def test_a_killed_program_and_a_killed_server_leave_data_that_recover(programs: Binaries, data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir, pg_bin=programs.folder)
    holder = Holder(as_user("root"), str(data_dir), str(programs.folder))
    told = holder.told()
    ask(attach(settings).owner_dsn("desmos"), *MAKE)
    holder.kill()
    end(told["pid"])
    assert (data_dir / "postgres" / "postmaster.pid").exists()
    with pytest.raises(NotRunning, match="its server ended"):
        attach(settings)
    with open_cluster(settings) as cluster:
        assert cluster.pid != told["pid"]
        assert ask(cluster.owner_dsn("desmos"), COUNT) == 2


def test_a_stale_file_that_names_a_stranger_does_not_stop_the_start(data_dir: Path, settings: Settings) -> None:
    with open_cluster(settings) as cluster:
        lines = (data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
        socket_dir = cluster.socket_dir
    who = account()
    stranger = subprocess.Popen(["sleep", "60"], **who.popen)
    try:
        text = "\n".join([str(stranger.pid), *lines[1:]]) + "\n"
        for path in (data_dir / "postgres" / "postmaster.pid", socket_dir / f"{postmaster.SOCKET}.lock"):
            path.write_text(text)
            os.chown(path, who.uid, who.gid)
        with open_cluster(settings) as cluster:
            assert ask(cluster.app_dsn("desmos"), "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def recovered(cluster: Cluster) -> bool:
    """Say whether the server takes connections again: for a moment after its start it replays its log."""
    try:
        ask(cluster.owner_dsn("desmos"), "SELECT 1")
    except asyncpg.CannotConnectNowError:
        return False
    return True


def test_a_server_that_dies_is_started_again(data_dir: Path, settings: Settings) -> None:
    with open_cluster(settings) as cluster:
        ask(cluster.owner_dsn("desmos"), *MAKE)
        dead = cluster.pid
        end(dead)
        deadline = time.monotonic() + 30
        while (cluster.pid == dead or not recovered(cluster)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert ask(cluster.owner_dsn("desmos"), COUNT) == 2
        assert attach(settings).pid == cluster.pid != dead
    assert not postmaster.alive(cluster.pid, data_dir / "postgres")


def test_data_that_vanish_do_not_come_back_empty(data_dir: Path, settings: Settings) -> None:
    with open_cluster(settings) as cluster:
        pgdata = data_dir / "postgres"
        pgdata.rename(data_dir / "away")
        end(cluster.pid)
        time.sleep(1)
        assert not (pgdata / "PG_VERSION").exists()
        (data_dir / "away").rename(pgdata)


def test_an_interrupted_first_start_is_done_again(data_dir: Path, settings: Settings) -> None:
    holder = Holder(as_user("root"), str(data_dir))
    deadline = time.monotonic() + 30
    while not list(data_dir.glob(".postgres.*.part/base/1")) and time.monotonic() < deadline:
        time.sleep(0.001)
    holder.kill()
    assert not (data_dir / "postgres").exists(), "killed too late to prove anything"
    with open_cluster(settings) as cluster:
        assert ask(cluster.app_dsn("desmos"), "SELECT current_user") == APP
    assert sorted(path.name for path in data_dir.iterdir()) == ["lock", "postgres", "postgres.log", "run", "secrets"]


def test_a_folder_that_is_no_database_is_not_replaced(data_dir: Path, settings: Settings) -> None:
    data_dir.mkdir(mode=0o711)
    (data_dir / "postgres").mkdir()
    (data_dir / "postgres" / "letter").write_text("mine")
    with pytest.raises(StartFailed, match="not ours to replace"):
        open_cluster(settings)
    assert (data_dir / "postgres" / "letter").read_text() == "mine"


def test_lost_secrets_are_reported_not_made_anew(data_dir: Path, settings: Settings) -> None:
    with open_cluster(settings):
        pass
    (data_dir / "secrets" / ADMIN).unlink()
    with pytest.raises(SecretMissing):
        open_cluster(settings)
    assert not (data_dir / "secrets" / ADMIN).exists()
    (data_dir / "secrets" / ADMIN).write_bytes(b"x" * embedded.PASSWORD_BYTES)
    (data_dir / "secrets" / ADMIN).chmod(0o600)
    with pytest.raises(StartFailed, match="refuses the administrator's password"):
        open_cluster(settings)
    assert postmaster.running(data_dir / "postgres") is None


def test_joining_in_needs_a_running_server_and_leaves_it_running(settings: Settings) -> None:
    with pytest.raises(NotRunning, match="is not running") as caught:
        attach(settings)
    assert "desmos-fast serve" in caught.value.hint
    assert not settings.data_dir.exists()
    with open_cluster(settings) as cluster:
        with attach(settings) as joined:
            assert (joined.app_dsn("desmos"), joined.pid) == (cluster.app_dsn("desmos"), cluster.pid)
        assert ask(cluster.app_dsn("desmos"), "SELECT 1") == 1
    with pytest.raises(NotRunning):
        attach(settings)


def test_a_deep_data_folder_gets_a_short_private_socket(data_dir: Path) -> None:
    deep = data_dir / ("long" * 25)
    data_dir.mkdir()
    data_dir.chmod(0o711)
    with open_cluster(Settings(data_dir=deep)) as cluster:
        found = cluster.socket_dir.stat()
        assert len(str(cluster.socket_dir)) < 60
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o700, account().uid)
        assert ask(cluster.app_dsn("desmos"), "SELECT 1") == 1
        assert ask(attach(Settings(data_dir=deep)).app_dsn("desmos"), "SELECT 1") == 1
    assert not cluster.socket_dir.exists()


@needs_both
def test_the_version_that_made_the_data_runs_them(data_dir: Path) -> None:
    assert SYSTEM_FOUND is not None and WHEEL_FOUND is not None
    for made_by, other in ((SYSTEM_FOUND, WHEEL_FOUND), (WHEEL_FOUND, SYSTEM_FOUND)):
        place = data_dir.with_name(f"{data_dir.name}-{made_by.major}")
        with open_cluster(Settings(data_dir=place, pg_bin=made_by.folder)):
            pass
        said: list[str] = []
        with open_cluster(Settings(data_dir=place, pg_bin=other.folder), progress=said.append) as cluster:
            assert cluster.version == made_by.version
        assert "DESMOS_PG_BIN" in said[0] and str(made_by.major) in said[0]
        shutil.rmtree(place)


def test_stopping_twice_is_stopping_once(settings: Settings) -> None:
    cluster: Cluster = open_cluster(settings)
    cluster.stop()
    cluster.stop()
    with open_cluster(settings) as again:
        assert ask(again.app_dsn("desmos"), "SELECT 1") == 1
