# SPDX-License-Identifier: Apache-2.0
"""Service, workers and builders are killed at any moment of building, sealing, sending and acknowledging: nothing is lost or doubled."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from desmos_fast.db.embedded import Cluster
from tests.db.databases import empty
from tests.fault.storm.run import LONGEST_S, VICTIMS, doom
from tests.fault.test_kill import chaos_seed

ROOT = Path(__file__).parents[2]


def storm(cluster: Cluster, template: str, open_folder: Path, kills: int) -> dict[str, Any]:
    """Let a storm pass over a database of its own; return what it says of itself."""
    folder = Path(mkdtemp(dir=open_folder, prefix="storm-"))
    with empty(cluster, template=template) as place:
        ran = subprocess.run(
            [sys.executable, "-m", "tests.fault.storm.run", "--kills", str(kills), "--seed", str(chaos_seed()),
             "--folder", str(folder), "--dsn", place.owner_dsn, place.app_dsn],
            cwd=ROOT, capture_output=True, text=True, timeout=60 + 5 * kills,
        )  # fmt: skip
    print(ran.stdout, ran.stderr)
    assert ran.stdout, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout)
    assert said["wrong"] == [] and ran.returncode == 0
    assert said["kills"] >= kills
    # A storm over a centre that does nothing proves nothing.
    assert said["invoices"] >= kills and 2 * said["files"] >= kills and said["acknowledgements"] == said["files"]
    return said


@pytest.mark.timeout(240)
def test_twenty_kills_lose_and_double_nothing(cluster: Cluster, template: str, open_folder: Path) -> None:
    storm(cluster, template, open_folder, 20)


@pytest.mark.fault
@pytest.mark.timeout(3600)
def test_a_thousand_kills_lose_and_double_nothing(cluster: Cluster, template: str, open_folder: Path) -> None:
    said = storm(cluster, template, open_folder, 1000)
    assert {name.split()[0] for name in said["by_role"]} == {"service", "worker", "builder", "concentrator"}
    places = " ".join(said["burnt"])
    assert all(f"{when} COMMIT" in places for when in ("before", "after")) and all(place in places for place in ("PUT", "answer", "rename"))


def test_a_seed_draws_the_same_dooms_again() -> None:
    drawn = [doom(11, role, died) for role in VICTIMS for died in range(100)]
    assert drawn == [doom(11, role, died) for role in VICTIMS for died in range(100)]
    assert drawn != [doom(12, role, died) for role in VICTIMS for died in range(100)]
    burning = [one.crossings for one in drawn if one.crossings is not None]
    assert 360 < len(burning) < 440 and min(burning) >= 1 and max(burning) <= 2000
    assert all(0 < one.seconds <= LONGEST_S for one in drawn)
