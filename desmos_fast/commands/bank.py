# SPDX-License-Identifier: Apache-2.0
"""`bank parse`: a statement becomes bank lines. `bank mapping check`: what a mapping makes of a CSV."""

import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, Literal, cast

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.common import IN_MEMORY, exit_faulty, read_input, refusable_output
from desmos_fast.commands.streams import Guarded, bar, open_input, watched

if TYPE_CHECKING:
    from desmos_fast.settlement.bank.input import Found
    from desmos_fast.settlement.bank.mapping import Mapping
    from desmos_fast.settlement.bank.model import BankFault, BankLine

SHOWN: Final = 10
File = Annotated[str, typer.Argument(help="The statement, or - for standard input.")]


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.bank.command("parse")(parse)
    mapping = typer.Typer(no_args_is_help=True, help="How the CSV of a bank is read.")
    mapping.command("check")(check)
    groups.bank.add_typer(mapping, name="mapping")


def print_bank_faults(faults: "Iterable[BankFault]") -> None:
    """Write each fault or warning as one JSON line on standard error."""
    import msgspec

    for fault in faults:
        sys.stderr.write(msgspec.json.encode(fault).decode() + "\n")
    sys.stderr.flush()


def parse(
    file: File,
    format_: Annotated[
        Literal["auto", "cfonb120", "camt", "csv"], typer.Option("--format", help="The format; auto looks at the first bytes.")
    ] = "auto",
    mapping: Annotated[str | None, typer.Option("--mapping", help="What the columns of a CSV hold: TOML or JSON.")] = None,
    output: Annotated[str, typer.Option("-o", "--output", help="Where the lines go, one JSON object each.")] = "-",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Read a bank statement of any size and write one canonical line a movement."""
    import msgspec

    from desmos_fast.settlement.bank import stream_statement
    from desmos_fast.settlement.bank.input import Found
    from desmos_fast.settlement.bank.model import BankRefused

    how, found = _mapping(mapping), Found(keep=False)
    try:
        with _open(file) as source, refusable_output(output, keep_going=False) as out:
            for lines in stream_statement(source, found, format_, how):
                out.write(lines)
    except BankRefused as refused:
        print_bank_faults([refused.fault])
        exit_faulty()
    print_bank_faults(found.warnings)
    if found.warned > len(found.warnings):
        typer.echo(f"{found.warned - len(found.warnings)} more warnings are not shown", err=True)
    if as_json:
        summary = {
            "format": found.format, "sha256": found.sha256, "lines": found.lines, "blocks": found.count, "warnings": found.warned,
        }  # fmt: skip
        print(msgspec.json.encode(summary).decode(), file=sys.stderr if output == "-" else sys.stdout)


def check(
    file: File,
    mapping: Annotated[str, typer.Option("--mapping", help="What the columns of the CSV hold: TOML or JSON.")],
) -> None:
    """Show the first lines of a CSV as a mapping understands them, and the sums of all."""
    import msgspec

    from desmos_fast.settlement.bank import stream_statement
    from desmos_fast.settlement.bank.input import Found
    from desmos_fast.settlement.bank.model import BankLine, BankRefused

    how, found, decoder, sums = _mapping(mapping), Found(keep=False), msgspec.json.Decoder(BankLine), _Sums()
    try:
        with _open(file) as source:
            for written in stream_statement(source, found, "csv", how):
                for line in decoder.decode_lines(written):
                    sums.add(line)
    except BankRefused as refused:
        sums.show(found)
        print_bank_faults([refused.fault])
        exit_faulty()
    sums.show(found)


class _Sums:
    """The first lines, and what all lines of a currency add up to."""

    def __init__(self) -> None:
        self._first: list[BankLine] = []
        self._sums: dict[str, list[int]] = {}
        self._count = 0

    def add(self, line: "BankLine") -> None:
        """Take a line."""
        self._count += 1
        if len(self._first) < SHOWN:
            self._first.append(line)
        held = self._sums.setdefault(line.currency, [0, 0])
        held[line.amount < 0] += line.amount

    def show(self, found: "Found") -> None:
        """Print the lines and the sums; whatever has the form of a NIR is hidden."""
        from desmos_fast.base.identifiers import mask_nir

        for line in self._first:
            texts = [text for text in (line.payer_name, *line.remittance, line.end_to_end_id) if text]
            row = f"row {line.source.line}: {line.booking_date} {_shown(line.amount, line.currency)} {line.account}  {line.label}"
            print(mask_nir("  | ".join([row, *texts])))
            if line.references:
                print(mask_nir(f"    references: {' '.join(line.references)}"))
        for currency, (credits, debits) in sorted(self._sums.items()):
            print(f"credits {_shown(credits, currency)}, debits {_shown(debits, currency)}")
        print(f"{self._count} lines")


def _shown(amount: int, currency: str) -> str:
    from desmos_fast.settlement.bank.currencies import minor_units

    units = minor_units(currency)
    whole, parts = divmod(abs(amount), 10**units)
    return f"{'-' if amount < 0 else ''}{whole}{f'.{parts:0{units}d}' if units else ''} {currency}"


def _mapping(path: str | None) -> "Mapping | None":
    from desmos_fast.settlement.bank.mapping import read_mapping

    return None if path is None else read_mapping(read_input(path))


@contextlib.contextmanager
def _open(path: str) -> Iterator[BinaryIO]:
    """Give the input so that it can be read twice, with a bar on a terminal; a pipe is kept on disk beyond a few megabytes."""
    with open_input(path) as given, tempfile.SpooledTemporaryFile(IN_MEMORY) as kept:
        insist, source = watched(given), Guarded(given)
        if path != "-" and given.seekable():
            size = os.fstat(given.fileno()).st_size
        else:
            shutil.copyfileobj(cast(BinaryIO, source), kept)
            size, source = kept.tell(), Guarded(cast(BinaryIO, kept))
        with bar("statement", 2 * size) as advance:
            yield cast(BinaryIO, _Shown(source, advance))
        insist()


class _Shown(io.BufferedIOBase):
    """A file that tells of each block that was read."""

    def __init__(self, source: Guarded, advance: Callable[[int], None]) -> None:
        self._source, self._advance = source, advance

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as a file does."""
        data = self._source.read(-1 if size is None else size)
        self._advance(len(data))
        return data

    def read1(self, size: int = -1, /) -> bytes:
        """Read as a file does."""
        return self.read(size)

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place from the beginning."""
        return self._source.seek(offset)
