# SPDX-License-Identifier: Apache-2.0
"""`jobs list` and `jobs retry`: what the worker could not do, and one more try once the cause is mended."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from desmos_fast.base.errors import NotThere
from desmos_fast.commands import groups

if TYPE_CHECKING:
    from desmos_fast.db.queue import HeldJob


def show(as_json: Annotated[bool, typer.Option("--json", help="Print each job as one JSON object a line.")] = False) -> None:
    """List the jobs that are held: since when, why, and what they are for."""
    for job in asyncio.run(_held()):
        print(_object(job) if as_json else _line(job))


def retry(
    jobs: Annotated[list[int] | None, typer.Argument(help="The numbers of held jobs, as `jobs list` shows them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every held job.")] = False,
) -> None:
    """Have held jobs done again by a worker, as if they were new."""
    if every == bool(jobs):
        raise typer.BadParameter("give the numbers of the jobs, or --all")
    print(f"{asyncio.run(_retry(None if every else jobs))} to be tried again")


def _line(job: "HeldJob") -> str:
    return f"{job.id:>8}  {job.since:%Y-%m-%d %H:%M:%S} UTC  {job.entrypoint}  {job.payload.decode()}  {job.reason or ''}".rstrip()


def _object(job: "HeldJob") -> str:
    import msgspec

    shown = {"id": job.id, "job": job.entrypoint, "since": job.since, "for": msgspec.Raw(job.payload), "reason": job.reason}
    return msgspec.json.encode(shown).decode()


async def _held() -> "list[HeldJob]":
    from desmos_fast.commands.runtime import database
    from desmos_fast.db import queue
    from desmos_fast.db.tenant import direct

    with database() as place:
        async with direct(place.app_dsn) as con:
            return await queue.held(con)


async def _retry(asked: list[int] | None) -> int:
    from desmos_fast.commands.runtime import database
    from desmos_fast.db import queue
    from desmos_fast.db.tenant import direct

    with database() as place:
        async with direct(place.app_dsn) as con:
            held = {job.id for job in await queue.held(con)}
            chosen = held if asked is None else set(asked)
            if chosen - held:
                raise NotThere(f"no job {min(chosen - held)} is held", hint="look with `desmos-fast jobs list`")
            await queue.retry(con, sorted(chosen))
            return len(chosen)


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.jobs.command("list")(show)
    groups.jobs.command("retry")(retry)
