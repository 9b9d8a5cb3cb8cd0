# SPDX-License-Identifier: Apache-2.0
"""`synth`: a centre's day as files, with all that comes back and the truth about it; a year of invoices; the payers that answer."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.common import atomic_output, exit_faulty, make_folder, print_faults, shown, working

if TYPE_CHECKING:
    from desmos_fast.billing.model import Invoice
    from desmos_fast.simulator.day import Day

MOST_INVOICES: Final = 400_000
SMALLEST_BAR: Final = 1000
FIRST_DAY: Final = datetime(2026, 1, 1)
T = TypeVar("T")


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.synth.command("day")(day)
    groups.synth.command("year")(year)
    groups.synth.command("answer")(answer_letterbox)
    groups.synth.command("concentrator")(concentrator)


def day(
    seed: Annotated[int, typer.Option(min=0, help="Where everything is drawn from: the same seed gives the same bytes.")],
    invoices: Annotated[int, typer.Option(min=1, max=MOST_INVOICES, help="How many invoices the day has.")],
    out: Annotated[str, typer.Option(help="The folder for the files; made when it does not exist.")],
    date: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of care and of the claim file.")] = None,
    biller: Annotated[str | None, typer.Option(help="FINESS of the centre; without it one is invented.")] = None,
    first_number: Annotated[int, typer.Option(min=1, help="Number of the first invoice.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Invent a centre's day: its invoices, the answers of payers and bank (test profile), and what really happened."""
    import msgspec

    from desmos_fast.exchange.faults import FaultyInput
    from desmos_fast.lots.codec import build
    from desmos_fast.simulator import folder
    from desmos_fast.simulator.concentrator import answer
    from desmos_fast.simulator.day import DEFAULT_DAY, Day
    from desmos_fast.simulator.world import World

    when = date.date() if date else DEFAULT_DAY
    world = World(seed, finess=biller)
    one_day = Day(world, when)
    target = make_folder(out)
    made = write_invoices(one_day, invoices, first_number, target / "invoices.ndjson")
    settings = folder.settings_of(world, when, invoices)
    try:
        with working("Lots"):
            claims = build(made, settings)
    except FaultyInput as refused:
        print_faults(refused.faults)
        exit_faulty()
    with working("Payers and bank answer"):
        answers = answer(claims.content, seed, when)
    written = ["invoices.ndjson"]
    for name, data in [("settings.json", folder.settings_json(settings)), *folder.answer_files(answers)]:
        with atomic_output(str(target / name)) as file:
            file.write(data)
        written.append(name)
    for stale in folder.POSSIBLE - set(written):
        (target / stale).unlink(missing_ok=True)
    if as_json:
        summary = folder.summary(world, when, claims, answers, written)
        print(msgspec.json.encode(summary).decode())


def year(
    seed: Annotated[int, typer.Option(min=0, help="Where everything is drawn from: the same seed gives the same bytes.")],
    invoices: Annotated[int, typer.Option(min=1, help="How many invoices there are in all.")],
    out: Annotated[str, typer.Option(help="The file for the invoices, one a line; `-` is standard output.")] = "-",
    first_day: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day of care.", show_default=f"{FIRST_DAY:%Y-%m-%d}")
    ] = FIRST_DAY,
    days: Annotated[int, typer.Option(min=1, max=3653, help="Over how many days they are spread.")] = 365,
    mix: Annotated[str, typer.Option(help="What the centre does: both, medical or dental.")] = "both",
    errors: Annotated[str, typer.Option(help="How much goes wrong: usual, rough or none.")] = "usual",
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Write only the days from this one on.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Write only the days up to this one.")] = None,
    biller: Annotated[str | None, typer.Option(help="FINESS of the centre; without it one is invented.")] = None,
    first_number: Annotated[int, typer.Option(min=1, help="Number of the first invoice.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Invent the invoices of a centre's year as one stream: seasons, holidays, errors by share, in the same memory whatever the number."""
    from desmos_fast.simulator.day import line
    from desmos_fast.simulator.world import World
    from desmos_fast.simulator.year import Year

    made = Year(World(seed, finess=biller), invoices, first_day.date(), days, mix=mix, errors=errors, first_number=first_number)
    found, months, size = Counter[str](), Counter[str](), 0
    stream = made.visits(since and since.date(), until and until.date())
    with atomic_output(out) as file:
        for visit in with_bar(stream, invoices):
            text = line(visit.invoice)
            file.write(text)
            size += len(text)
            found[visit.error] += 1
            months[str(visit.invoice.created_on)[:7]] += 1
    if as_json:
        told = {"seed": seed, "invoices": found.total(), "bytes": size, "errors": dict(sorted(found.items())), "months": dict(months)}
        print(json.dumps(told), file=sys.stderr if out == "-" else sys.stdout)


def answer_letterbox(
    folder: Annotated[str | None, typer.Argument(help="The letterbox: `to_payers` lies in it. By default that of the worker.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Where what the identities do not decide is drawn from.")] = 1,
    biller: Annotated[str | None, typer.Option(help="Answer the files of this centre only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the files as one JSON object.")] = False,
) -> None:
    """Let the simulated payers and bank (test profile) answer each claim file of a letterbox; a second run changes nothing.

    Prints the files to import, in the order in which a centre receives them: acknowledgements, returns, the statement.
    """
    import msgspec

    from desmos_fast.base.settings import load
    from desmos_fast.simulator.concentrator import SENT, answer_folder

    letterbox = Path(folder) if folder is not None else load().data_dir / "letterbox"
    if not (letterbox / SENT).is_dir():
        raise typer.BadParameter(f"there is no folder {SENT!r} in {str(letterbox)!r}: the worker makes it when it sends")
    with working("Payers and bank answer"):
        answered = answer_folder(letterbox, seed, biller=biller)
    if as_json:
        files = [{"claims": one.claims, "arl": one.arl, "rsp": one.rsp, "bank": one.bank} for one in answered]
        print(msgspec.json.encode({"files": files}, enc_hook=str).decode())
        return
    for one in answered:
        print(*one.files, sep="\n")


def concentrator(
    folder: Annotated[Path, typer.Argument(help="Where claim files are put: `to_payers` of a letterbox that `synth answer` reads.")],
    certificate: Annotated[Path, typer.Option(help="The PEM certificate of this server.")],
    key: Annotated[Path, typer.Option(help="Its private key.")],
    client_ca: Annotated[Path, typer.Option(help="The PEM certificates of the authorities whose clients are let in.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port, 0 takes a free one.")] = 8443,
) -> None:
    """Be a concentrator (test profile): take claim files over HTTPS with mutual TLS, each once however often it is given."""
    import asyncio

    from desmos_fast.commands.serving import stop_on_signals
    from desmos_fast.simulator.server import make_concentrator, serve, server_context

    make_folder(folder)
    context = server_context(certificate, key, client_ca)

    async def run() -> None:
        await serve(make_concentrator(folder), host, port, context, stop_on_signals())

    asyncio.run(run())


def write_invoices(one_day: "Day", count: int, first_number: int, path: Path) -> "list[Invoice]":
    """Write the invoices as they are made, and return them."""
    from desmos_fast.simulator.day import line

    made = []
    stream = one_day.invoices(count, first_number)
    with atomic_output(str(path)) as file:
        for invoice in with_bar(stream, count):
            made.append(invoice)
            file.write(line(invoice))
    return made


def with_bar(stream: Iterator[T], count: int) -> Iterator[T]:
    """Show how far a long stream is, on a terminal only."""
    if count < SMALLEST_BAR or not sys.stderr.isatty():
        yield from stream
        return
    with shown() as progress:
        yield from progress.track(stream, total=count, description="Invoices")
