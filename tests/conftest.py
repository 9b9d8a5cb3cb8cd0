# SPDX-License-Identifier: Apache-2.0
"""One embedded PostgreSQL for the whole run (one per xdist worker), and a data folder that is never the operator's."""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import structlog

from desmos_fast.base.settings import Settings
from desmos_fast.db import postmaster
from desmos_fast.db.embedded import Cluster, open_cluster
from tests.db.databases import migrated_template

# What the library of the progress bar takes from the shell: a terminal is one when it is one, and nothing else decides.
TERMINAL: Final = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES")
# What a long test may take, on a machine that does something else too.
LONG_S: Final = 3600
# Where the workers of a run wait for each other.
ROOM: Final = "DESMOS_TEST_ROOM"
# The folder of another layout pack, for the program and for its twins. Set here: modules of tests read the pack when they are imported.
os.environ["DESMOS_LAYOUTS"] = os.environ.get("DESMOS_TEST_LAYOUTS", "")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the room of this run, which its workers share."""
    if not hasattr(config, "workerinput"):
        room = tempfile.TemporaryDirectory(prefix="desmos-room-")
        config.add_cleanup(room.cleanup)
        os.environ[ROOM] = room.name


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what no other worker is to take over, for they take from the end; give long tests their time."""
    items.sort(key=lambda item: [item.get_closest_marker(mark) is None for mark in ("alone", "together")])
    for item in items:
        if not item.get_closest_marker("timeout") and (item.get_closest_marker("fuzz") or item.get_closest_marker("fault")):
            item.add_marker(pytest.mark.timeout(LONG_S))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let a test marked `alone` run while no worker runs another one. Its time limit begins when it does."""
    alone = item.get_closest_marker("alone") is not None
    # Who comes passes the door, and who is to be alone keeps it shut: those who came later do not go in before.
    with open(Path(os.environ[ROOM], "door"), "w") as door, open(Path(os.environ[ROOM], "room"), "w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(door, fcntl.LOCK_UN)
        try:
            return (yield)
        finally:
            # Not by closing alone: a child that was forked meanwhile holds the same files.
            fcntl.flock(room, fcntl.LOCK_UN)
            fcntl.flock(door, fcntl.LOCK_UN)


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """Give a short folder that the account of PostgreSQL can pass through when the tests run as root (tmp_path is closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="desmos-test-"))
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session", autouse=True)
def private_data_dir(open_folder: Path) -> Iterator[Path]:
    """Point DESMOS_DATA_DIR away from the real one, and let no setting of the developer's or of the terminal leak in."""
    data_dir = open_folder / "data"
    with pytest.MonkeyPatch.context() as patch:
        kept = ("DESMOS_TEST_", "DESMOS_LAYOUTS")
        for name in [name for name in os.environ if name.startswith("DESMOS_") and not name.startswith(kept)]:
            patch.delenv(name)
        for name in TERMINAL:
            patch.delenv(name, raising=False)
        patch.setenv("TERM", "xterm")
        patch.setenv("DESMOS_DATA_DIR", str(data_dir))
        yield data_dir


@pytest.fixture(autouse=True)
def logs_of_its_own() -> Iterator[None]:
    """Let no test log where an earlier one did: what a command was given as standard error is closed by then."""
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    yield
    if structlog.is_configured():
        root.handlers[:], root.level = kept
        structlog.reset_defaults()


@pytest.fixture(scope="session")
def cluster(private_data_dir: Path) -> Iterator[Cluster]:
    """Run the embedded PostgreSQL; DESMOS_TEST_PG_BIN chooses its programs."""
    chosen = os.environ.get("DESMOS_TEST_PG_BIN")
    with pytest.MonkeyPatch.context() as patch:
        # No test of this one looks at what a machine that loses its power would keep: none waits for its disk.
        patch.setattr(postmaster, "_FIXED", tuple(option.replace("fsync=on", "fsync=off") for option in postmaster._FIXED))
        running = open_cluster(Settings(data_dir=private_data_dir, pg_bin=Path(chosen) if chosen else None))
    with running:
        yield running


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> Iterator[str]:
    """Give the name of a migrated database to copy others from."""
    with migrated_template(cluster) as name:
        yield name
