# SPDX-License-Identifier: Apache-2.0
"""`export fec | quadra | ebp | ciel | csv`, `export list | settings | check`: the books of a centre for accounting."""

import contextlib
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, Literal

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act, take
from desmos_fast.commands.common import atomic_output, exit_faulty, make_folder, read_input, working

if TYPE_CHECKING:
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.context import Context
    from desmos_fast.settlement.accounting.model import ExportAsked, Format, SettingsShown
    from desmos_fast.settlement.accounting.service import Volume

SEPARATORS: Final[dict[str, Literal["\t", "|"]]] = {"tab": "\t", "pipe": "|"}
ABOUT: Final = {
    "fec": "the FEC that the tax office asks for, with its description",
    "quadra": "Quadra ASCII (Cegid)",
    "ebp": "the import format of EBP",
    "ciel": "XIMPORT, for Ciel and Sage 50",
    "csv": "a table as the settings lay it out",
}
Period = Annotated[str | None, typer.Option("--period", help="A month (2026-10), or an accounting year by the year it ends in (2026).")]
First = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, instead of --period.")]
Last = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")]
Out = Annotated[str, typer.Option("--out", "-o", help="The folder that the file is written to, made when it is not there.")]
Draft = Annotated[bool, typer.Option("--draft", help="Close nothing: for a period that is not over, or to look first.")]


class Parts:
    """Writes a file, or several of at most so many lines, each with the first line of all; none takes its name before all are whole."""

    def __init__(self, folder: Path, names: "Iterator[str]", most: int | None, files: contextlib.ExitStack) -> None:
        self.folder, self.names, self.most, self.files = folder, names, most, files
        self.made: list[str] = []
        self.head, self.room = b"", 0
        self.out: BinaryIO | None = None

    def begin(self, head: bytes) -> None:
        """Write the first line of the first file."""
        self.head = head
        self._next()

    def write(self, block: bytes) -> None:
        """Write lines."""
        if self.most is None:
            self._put(block)
            return
        lines = block.splitlines(keepends=True)
        while lines:
            if not self.room:
                self._next()
            self._put(b"".join(lines[: self.room]))
            lines, self.room = lines[self.room :], max(self.room - len(lines), 0)

    def _next(self) -> None:
        self.made.append(next(self.names))
        self.out = self.files.enter_context(atomic_output(str(self.folder / self.made[-1])))
        self.room = self.most or 0
        self._put(self.head)

    def _put(self, block: bytes) -> None:
        assert self.out is not None, "the first file is begun before anything is written"
        self.out.write(block)


def _export(
    wanted: "Format", centre: str, asked: "ExportAsked", out: str, separator: Literal["\t", "|"], most: int | None, *, as_json: bool
) -> None:
    import msgspec

    from desmos_fast.settlement.accounting import service

    folder = make_folder(out)

    async def work(con: "Connection", context: "Context") -> "tuple[Volume, list[str]]":
        volume = await service.close(con, context, asked)
        ranks = range(1) if most is None else count(1)
        parts = Parts(folder, (service.file_name(volume, wanted, rank) for rank in ranks), most, files)
        blocks = service.write(con, context, volume, wanted, separator)
        parts.begin(await anext(blocks))
        async for block in blocks:
            parts.write(block)
        if wanted == "fec":
            told = service.description_of(volume, separator, parts.made)
            name = parts.made[0].removesuffix(".txt").partition("_")[0] + "-description.txt"
            files.enter_context(atomic_output(str(folder / name))).write(told.encode("utf-8"))
        return volume, parts.made

    # The files take their names once the period is closed for good: the same command writes them again should they be lost in between.
    with working("writing the books"), contextlib.ExitStack() as files:
        volume, made = take(
            centre, f"export {wanted}", asked.period or f"{asked.first}/{asked.last}", work, lambda done: done[0].export.lines
        )  # fmt: skip
    if wanted == "fec":
        _checked([folder / name for name in made], as_json=False, quiet=True)
    if as_json:
        print(msgspec.json.encode({"export": volume.export, "files": made}).decode())
        return
    export = volume.export
    print(f"{', '.join(made)}: {export.entries} entries, {export.lines} lines, {export.amount} cents on each side")
    print(f"{export.first} to {export.last} {'is a draft, nothing is closed' if export.draft else 'is closed'}", file=sys.stderr)


def _asked(period: str | None, first: datetime | None, last: datetime | None, *, draft: bool) -> "ExportAsked":
    import msgspec

    from desmos_fast.settlement.accounting.service import read_asked

    days = {"first": first and f"{first:%Y-%m-%d}", "last": last and f"{last:%Y-%m-%d}"}
    return read_asked(msgspec.json.encode({"period": period, **days, "draft": draft}))


def fec(
    centre: Centre,
    period: Period = None,
    first: First = None,
    last: Last = None,
    out: Out = ".",
    draft: Draft = False,
    separator: Annotated[Literal["tab", "pipe"], typer.Option(help="What parts the columns.")] = "tab",
    split: Annotated[int | None, typer.Option(min=1, help="At most so many lines a file: name_1.txt, name_2.txt and so on.")] = None,
    as_json: AsJson = False,
) -> None:
    """Close a period and write the FEC that the tax office asks for, with its description; the same period again gives the same bytes."""
    _export("fec", centre, _asked(period, first, last, draft=draft), out, SEPARATORS[separator], split, as_json=as_json)


def _add(wanted: "Format") -> None:
    def command(
        centre: Centre,
        period: Period = None,
        first: First = None,
        last: Last = None,
        out: Out = ".",
        draft: Draft = False,
        as_json: AsJson = False,
    ) -> None:
        _export(wanted, centre, _asked(period, first, last, draft=draft), out, "\t", None, as_json=as_json)

    help_text = f"Close a period and write {ABOUT[wanted]}; the same period again gives the same bytes."
    groups.export.command(wanted, help=help_text)(command)


def show(centre: Centre, as_json: AsJson = False) -> None:
    """List the periods that are closed, the latest first."""
    import msgspec

    from desmos_fast.settlement.accounting import service

    found = act(centre, service.listed)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found.exports:
        print(f"{one.id}  {one.first} to {one.last}  {one.entries} entries, {one.lines} lines, {one.amount} cents, closed by {one.made_by}")


def settings(
    centre: Centre,
    new: Annotated[str | None, typer.Option("--set", help="New settings, one JSON object in a file, or -.")] = None,
    siren: Annotated[str | None, typer.Option("--siren", help="Change the SIREN alone.")] = None,
) -> None:
    """Show the settings of the books, whole; or set them: SIREN, closing month, chart of accounts, journals, table."""
    import msgspec

    from desmos_fast.settlement.accounting import service, store

    body = None if new is None else read_input(new)

    async def work(con: "Connection", context: "Context") -> "SettingsShown":
        if siren is not None:
            _, before = await store.settings(con, context.tenant)
            return await service.put_settings(con, context, msgspec.json.encode(msgspec.structs.replace(before, siren=siren)))
        return await (service.show_settings(con, context) if body is None else service.put_settings(con, context, body))

    if new is not None and siren is not None:
        raise typer.BadParameter("give --set or --siren, not both")
    print(msgspec.json.format(msgspec.json.encode(act(centre, work)), indent=1).decode())


def check(
    files: Annotated[list[Path], typer.Argument(help="A FEC, or the parts of one in their order.", exists=True, dir_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Check a FEC, ours or another's: what the tax office's checker refuses or remarks, and what it does not look at."""
    _checked(files, as_json=as_json, quiet=False)


def _checked(files: list[Path], *, as_json: bool, quiet: bool) -> None:
    import msgspec

    from desmos_fast.settlement.accounting.check import Checker, told

    checker = Checker()
    with working("checking the books"):
        for path in files:
            with path.open("rb") as lines:
                checker.read(lines)
        report = checker.end()
    if as_json:
        print(msgspec.json.encode(report).decode())
    elif not quiet or not report.sound:
        for line in told(report):
            print(line, file=sys.stderr if quiet else sys.stdout)
    if not report.sound:
        exit_faulty()


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.export.command("fec")(fec)
    others: tuple[Format, ...] = ("quadra", "ebp", "ciel", "csv")
    for wanted in others:
        _add(wanted)
    groups.export.command("list")(show)
    groups.export.command("settings")(settings)
    groups.export.command("check")(check)
