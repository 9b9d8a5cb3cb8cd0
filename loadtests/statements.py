# SPDX-License-Identifier: Apache-2.0
"""Which statements of the database each action of people costs most in: `python -m loadtests.statements [--calls 25] [ACTION...]`.

A database with `pg_stat_statements` and a service are started, a centre is given a day behind it, and each action is done so many times on
one connection. Times are milliseconds; `least` is the shortest run, which others who use the machine touch the least.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Iterator
from typing import Final

import asyncpg
import uvloop

from desmos_fast.db import postmaster
from desmos_fast.db.pool import Connection
from loadtests.actions import Action, actions, lived_in
from loadtests.scenarios.town import Desk, Town, own
from loadtests.served import place
from loadtests.wire import Line, connect

COUNTING: Final = ("shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track_planning=on")
WARM: Final = 8
MOST: Final = """
    SELECT calls, plans, round(mean_plan_time::numeric, 2) AS planned, round(min_exec_time::numeric, 2) AS least,
           round(mean_exec_time::numeric, 2) AS mean, left(regexp_replace(query, '\\s+', ' ', 'g'), 80) AS query
      FROM pg_stat_statements WHERE total_exec_time + total_plan_time > 0.1 * $1
     ORDER BY total_exec_time + total_plan_time DESC LIMIT 3
"""


@contextlib.contextmanager
def counting() -> Iterator[None]:
    """Let databases that are started count their statements."""
    before = postmaster._FIXED
    postmaster._FIXED = (*before, *COUNTING)  # type: ignore[misc, assignment]  # what a measurement alone needs is no setting of the product
    try:
        yield
    finally:
        postmaster._FIXED = before  # type: ignore[misc]


async def counted(con: Connection, line: Line, action: Action, calls: int) -> list[asyncpg.Record]:
    """Do one thing so many times, and return the statements that took the most."""
    for _ in range(WARM):
        await line.ask(action.make())
    await con.execute("SELECT pg_stat_statements_reset()")
    for _ in range(calls):
        await line.ask(action.make())
    return await con.fetch(MOST, float(calls))


async def show(town: Town, names: list[str], calls: int) -> None:
    """Print what each action costs most in."""
    assert town.place is not None
    await lived_in(town)
    known = await actions(town)
    con: Connection = await asyncpg.connect(town.place.admin_dsn)
    await con.execute("CREATE EXTENSION pg_stat_statements")
    line = await connect(town.target.port)
    print(f"{'calls':>5} {'plans':>5} {'planned':>8} {'least':>8} {'mean':>8}")
    for action in known:
        if not names or action.name in names:
            print(action.name)
            for row in await counted(con, line, action, calls):
                print(f"{row['calls']:5} {row['plans']:5} {row['planned']:8} {row['least']:8} {row['mean']:8}  {row['query']}")
    line.close()
    town.target.close()
    await con.close()


def main(arguments: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.statements", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="ACTION", help="such as `trial balance`; all without one")
    parser.add_argument("--calls", type=int, default=25, help="how often each is done")
    asked = parser.parse_args(arguments)
    with counting(), place() as here, own(here, 1) as target:
        desks = [Desk(centre) for centre in asyncio.run(here.centres([1]))]
        uvloop.run(show(Town(target, desks, here), asked.names, asked.calls))


if __name__ == "__main__":
    main(sys.argv[1:])
