# SPDX-License-Identifier: Apache-2.0
"""One embedded PostgreSQL for the whole run (one per xdist worker), and a data folder that is never the operator's."""

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
from desmos_fast.db.embedded import Cluster, open_cluster

# What the library of the progress bar takes from the shell: a terminal is one when it is one, and nothing else decides.
TERMINAL: Final = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES")
# The folder of another layout pack, for the program and for its twins. Set here: modules of tests read the pack when they are imported.
os.environ["DESMOS_LAYOUTS"] = os.environ.get("DESMOS_TEST_LAYOUTS", "")


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
    with open_cluster(Settings(data_dir=private_data_dir, pg_bin=Path(chosen) if chosen else None)) as running:
        yield running
