# SPDX-License-Identifier: Apache-2.0
"""`fse check` and `fse decode`: claims in, their faults or their invoices out."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.common import atomic_output, exit_faulty, print_faults, read_input

if TYPE_CHECKING:
    from desmos_fast.exchange.faults import Fault
    from desmos_fast.exchange.reading.kernel import Reading

Claims = Annotated[str, typer.Argument(help="Claims, bare records or a whole file (test profile), or - for standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")]


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.fse.command("check")(check)
    groups.fse.command("decode")(decode)


def check(file: Claims, as_json: AsJson = False) -> None:
    """Check claims and print every fault as one JSON line, the first one first."""
    reading, faults = _read(file)
    print_faults(faults)
    if as_json:
        _print_summary(reading, faults, sys.stdout)
    if faults:
        exit_faulty()


def decode(
    file: Claims,
    output: Annotated[str, typer.Option("-o", "--output", help="Where the invoices go, one JSON object a line.")] = "-",
    as_json: AsJson = False,
) -> None:
    """Read claims back into invoices; a faulty input gives its faults and no line."""
    from desmos_fast.billing.reading.codec import blocks

    reading, faults = _read(file)
    if faults:
        print_faults(faults)
    else:
        with atomic_output(output) as out, _progress("decode", len(reading.firsts)) as reached:
            for done, block in blocks(reading):
                out.write(block)
                reached(done)
    if as_json:
        _print_summary(reading, faults, sys.stderr if output == "-" else sys.stdout)
    if faults:
        exit_faulty()


def _read(file: str) -> "tuple[Reading, list[Fault]]":
    from desmos_fast.billing.reading.codec import examine_claims

    data = read_input(file)
    with _progress("check", None):
        return examine_claims(data)


def _print_summary(reading: "Reading", faults: "list[Fault]", out: TextIO) -> None:
    import msgspec

    from desmos_fast.billing.reading.codec import summary

    print(msgspec.json.encode({**summary(reading), "faults": len(faults)}).decode(), file=out)


@contextlib.contextmanager
def _progress(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, to a terminal only; the function given takes how far the work is."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done: bar.update(task, completed=done)
