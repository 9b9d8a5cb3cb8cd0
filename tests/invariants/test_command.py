# SPDX-License-Identifier: Apache-2.0
"""The command as an operator runs it: what it prints, and how it exits."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from desmos_fast.db.embedded import Cluster
from desmos_fast.db.migrate import migrate, newest
from desmos_fast.invariants.model import INVARIANTS
from tests.db.databases import empty
from tests.db.places import ROOT, ask
from tests.invariants.conftest import Lived
from tests.invariants.lived import FINESS

NOBODY: Final = "postgresql://desmos_app@127.0.0.1:1/desmos"


def run(lived: Lived, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    where = lived.where
    settings = {"DESMOS_DSN": where.app_dsn, "DESMOS_OWNER_DSN": where.owner_dsn, "DESMOS_DATA_DIR": str(where.data_dir), **changes}
    command = [sys.executable, "-m", "desmos_fast.cli", "invariants", *arguments]
    return subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=60, cwd=ROOT)


def damage(lived: Lived) -> Path:
    path = min((lived.where.data_dir / "letterbox/to_payers").glob(f"{FINESS[0]}*.b2"))
    path.write_bytes(b"x")
    return path


def test_all_hold(lived: Lived) -> None:
    done = run(lived)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [[invariant.id, "holds"] for invariant in INVARIANTS]
    assert lines[-1] == "2 centres: everything holds"


def test_one_does_not_hold(lived: Lived) -> None:
    name = damage(lived).name
    done = run(lived)
    assert (done.returncode, done.stderr) == (1, "")
    assert "I8  DOES NOT HOLD" in done.stdout
    assert f"      letters: 1 wrong of 2\n        {name}\n" in done.stdout
    assert done.stdout.count("DOES NOT HOLD") == 1


def test_the_report_as_json(lived: Lived) -> None:
    name = damage(lived).name
    done = run(lived, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["holds"], report["centres"]) == (1, False, 2)
    assert {verdict["id"]: verdict["holds"] for verdict in report["verdicts"]} == {one.id: one.id != "I8" for one in INVARIANTS}
    assert [verdict["failed"] for verdict in report["verdicts"] if verdict["failed"]] == [
        [{"invariant": "I8", "check": "letters", "centre": None, "looked": 2, "wrong": 1, "examples": [name]}]
    ]


def test_only_one_centre(lived: Lived) -> None:
    damage(lived)
    assert run(lived, "--centre", FINESS[0]).returncode == 1
    done = run(lived, "--centre", FINESS[1])
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 centres: everything holds")
    done = run(lived, "--centre", "750000499")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no centre has the FINESS '750000499'" in done.stderr


def test_a_database_that_is_away_is_no_verdict(lived: Lived) -> None:
    done = run(lived, DESMOS_DSN=NOBODY, DESMOS_OWNER_DSN=NOBODY)
    assert (done.returncode, done.stdout) == (3, "")
    assert "the database is away" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_of_another_version_is_no_verdict(lived: Lived, cluster: Cluster) -> None:
    with empty(cluster) as place:
        done = run(lived, DESMOS_DSN=place.app_dsn, DESMOS_OWNER_DSN=place.owner_dsn)
        assert (done.returncode, done.stdout) == (3, "")
        assert "desmos-fast migrate" in done.stderr
        asyncio.run(migrate(place.owner_dsn))
        ask(place.owner_dsn, f"DELETE FROM _pogo_migration WHERE migration_id = '{newest()}'", "SELECT 1")
        done = run(lived, DESMOS_DSN=place.app_dsn, DESMOS_OWNER_DSN=place.owner_dsn)
        assert (done.returncode, done.stdout) == (3, "")
        assert f"this program at {newest()}" in done.stderr


def test_the_role_that_serves_cannot_list_the_centres(lived: Lived) -> None:
    done = run(lived, DESMOS_OWNER_DSN="")
    assert (done.returncode, done.stdout) == (3, "")
    assert "DESMOS_OWNER_DSN" in done.stderr


def test_the_help_says_what_each_means(lived: Lived) -> None:
    told = " ".join(run(lived, "--help").stdout.split())
    assert [invariant.id for invariant in INVARIANTS if f"{invariant.id} {invariant.means}" not in told] == []
    assert all(text in told for text in ("Exit 0", "Exit 1", "Exit 3"))
