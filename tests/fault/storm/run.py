# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.fault.storm.run --kills 200 [--seed N]`: kill the processes of a centre at work, then prove that nothing came of it.

Each process is forked with a doom drawn from the seed, its role and how many of that role died before: after so many seconds, or at
so many crossings of a statement, an fsync, a rename, a request or an answer, whichever is first. Who died is replaced at once.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import secrets
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from api import logs
from desmos_fast.base.settings import Settings
from desmos_fast.db.embedded import open_cluster
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.nomenclature.tariffs import load_tariffs
from tests.db.databases import empty, migrated_template
from tests.fault.storm import proof, roles
from tests.fault.storm.centre import Record, centre
from tests.fault.storm.fuse import Fuse
from tests.fault.storm.house import House, furnish

VICTIMS: Final = {"service": roles.service, "worker": roles.worker, "worker 2": roles.worker, "builder": roles.builder,
                  "builder 2": roles.builder, "concentrator": roles.concentrator}  # fmt: skip
SHORTEST_S, LONGEST_S = 0.3, 5.0
# Which places count, and the least and the most crossings: the first ones of all are of the connection that is made.
ANYWHERE: Final = ("", 20, 2000)
DISK: Final = ("(open|fsync|rename)$", 1, 60)
COMMIT: Final = ("COMMIT", 1, 60)
FUSES: Final = {
    "service": (ANYWHERE, COMMIT, COMMIT, ("answer", 1, 30)),
    "worker": (ANYWHERE, COMMIT, DISK, ("PUT", 1, 15)),
    "builder": (ANYWHERE, ("COMMIT", 1, 15)),
    "concentrator": (DISK, ("answer", 1, 15)),
}
LOOK_S: Final = 0.01
FINISH_S: Final = 90.0
Role = Callable[[House, random.Random], Coroutine[Any, Any, None]]


class Doom(NamedTuple):
    """When a process ends: after so many crossings of places of a kind, or so many seconds; None is never."""

    crossings: int | None
    among: str
    seconds: float


CALM: Final = Doom(None, "", float("inf"))


def doom(seed: int, role: str, died: int) -> Doom:
    """Draw how the next process of a role ends: two in three burn, sooner more often than later."""
    rng = random.Random(f"{seed} {role} {died}")
    if rng.randrange(3) == 0:
        return Doom(None, "", rng.uniform(SHORTEST_S, LONGEST_S))
    among, least, most = rng.choice(FUSES[role.split()[0]])
    return Doom(int(least * (most / least) ** rng.random()), among, LONGEST_S)


class Running(NamedTuple):
    """A process and the moment at which it is killed, if it lives to see it."""

    pid: int
    ends: float


class Storm:
    """The processes of a house, and how many of them were killed where."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.logs = house.data_dir.parent / "logs"
        self.burnt = house.data_dir.parent / "burnt"
        self.died: Counter[str] = Counter()
        self.running: dict[str, Running] = {}

    def fork(self, name: str, role: Role, end: Doom = CALM) -> int:
        """Start a process and return its number."""
        child = os.fork()
        if child:
            return child
        try:
            log = os.open(self.logs / f"{name.replace(' ', '-')}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            logs.configure("info")
            if end.crossings is not None:
                Fuse(end.crossings, end.among, self.burnt, name.split()[0]).lay()
            asyncio.run(role(self.house, random.Random(f"{self.house.seed} {name} {self.died[name]} works")))
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)

    def start(self, name: str, *, calm: bool = False) -> None:
        """Start the next process of a role, to its doom unless it is calm."""
        end = CALM if calm else doom(self.house.seed, name, self.died[name])
        self.running[name] = Running(self.fork(name, VICTIMS[name], end), time.monotonic() + end.seconds)

    def blow(self, kills: int, steady: int) -> None:
        """Let processes die until so many did, each replaced at once; `steady` is the centre, which must go on."""
        for name in VICTIMS:
            self.start(name)
        while self.died.total() < kills:
            time.sleep(LOOK_S)
            for name, (pid, ends) in list(self.running.items()):
                if time.monotonic() >= ends:
                    os.kill(pid, signal.SIGKILL)
                    self._reap(name, os.waitpid(pid, 0)[1])
                elif (ended := os.waitpid(pid, os.WNOHANG))[0]:
                    self._reap(name, ended[1])
            if os.waitpid(steady, os.WNOHANG)[0]:
                raise AssertionError(f"the centre ended:\n{self.tail('centre')}")

    def _reap(self, name: str, status: int) -> None:
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"{name} ended by itself:\n{self.tail(name)}"
        self.died[name] += 1
        self.start(name)

    def calm(self) -> None:
        """Kill all that was to die, and let their places be taken for good."""
        self.end()
        for name in VICTIMS:
            self.start(name, calm=True)

    def end(self) -> None:
        """Kill every victim; these deaths are not counted."""
        for pid, _ in self.running.values():
            # One that ended by itself was reaped when that was seen.
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        self.running.clear()

    def tail(self, name: str) -> str:
        """Return the end of a log."""
        return (self.logs / f"{name.replace(' ', '-')}.log").read_text(errors="replace")[-3000:]

    def places(self) -> Counter[str]:
        """Return where fuses burnt down, and how often."""
        return Counter(self.burnt.read_text().splitlines() if self.burnt.exists() else ())


def storm_over(house: House, kills: int) -> dict[str, object]:
    """Let the storm pass over a house; return what happened, with all that is wrong afterwards."""
    storm = Storm(house)
    begun = time.monotonic()
    at_work = storm.fork("centre", centre)
    try:
        storm.blow(kills, at_work)
        storm.calm()
        os.kill(at_work, signal.SIGTERM)
        deadline = time.monotonic() + FINISH_S
        while not (ended := os.waitpid(at_work, os.WNOHANG))[0]:
            assert time.monotonic() < deadline, f"the centre does not end:\n{storm.tail('centre')}"
            time.sleep(LOOK_S)
        assert ended[1] == 0, f"the centre failed:\n{storm.tail('centre')}"
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.kill(at_work, signal.SIGKILL)
        raise
    finally:
        storm.end()
    record = msgspec.json.decode(house.record.read_bytes(), type=Record)
    return {
        "seed": house.seed, "kills": storm.died.total(), "by_role": dict(storm.died), "burnt": dict(storm.places().most_common()),
        "seconds": round(time.monotonic() - begun, 1), "invoices": len(record.invoices), "files": len(house.files()),
        "acknowledgements": record.arls, "payments": record.rsps, "refused_lots": record.refused_lots, "requests": record.tries,
        "wrong": asyncio.run(proof.differences(house)),
    }  # fmt: skip


def over(owner_dsn: str, app_dsn: str, folder: Path, kills: int, seed: int) -> dict[str, object]:
    """Let a storm pass over a database that is migrated and empty."""
    load_pack()
    load_tariffs()
    return storm_over(furnish(owner_dsn, app_dsn, folder, seed), kills)


def main() -> None:
    """Run one storm over a PostgreSQL of its own and say what came of it; exit 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="the seed of a run that is to be played again")
    parser.add_argument("--dsn", nargs=2, metavar=("OWNER", "APP"), help="an empty migrated database, instead of one of its own")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where its own folder is made and removed")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", file=sys.stderr, flush=True)
    folder = Path(tempfile.mkdtemp(dir=asked.folder, prefix="storm-"))
    folder.chmod(0o711)
    try:
        if asked.dsn:
            said = over(asked.dsn[0], asked.dsn[1], folder / "house", asked.kills, asked.seed)
        else:
            with (
                open_cluster(Settings(data_dir=folder / "pg")) as cluster,
                migrated_template(cluster) as template,
                empty(cluster, template=template) as place,
            ):
                said = over(place.owner_dsn, place.app_dsn, folder / "house", asked.kills, asked.seed)
    finally:
        shutil.rmtree(folder)
    print(json.dumps(said))
    sys.exit(1 if said["wrong"] else 0)


if __name__ == "__main__":
    main()
