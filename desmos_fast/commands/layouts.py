# SPDX-License-Identifier: Apache-2.0
"""`layouts`: which layout pack is in use, what it holds, and its reference pages."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desmos_fast.commands.common import make_folder, read_input, write_together

if TYPE_CHECKING:
    from desmos_fast.exchange.model import Pack
    from desmos_fast.exchange.pages import Example


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command()(layouts)


def layouts(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as one JSON object.")] = False,
    pages: Annotated[Path | None, typer.Option("--pages", help="Write a reference page for each record type in this folder.")] = None,
    examples: Annotated[list[str] | None, typer.Option("--examples", help="With --pages: a file to take records from; repeatable.")] = None,
) -> None:
    """Check the layout pack in use and say what it is: that of the folder DESMOS_LAYOUTS, else the test profile of the program."""
    import msgspec

    from desmos_fast.exchange.layouts import load_pack

    if examples and pages is None:
        raise typer.BadParameter("--examples goes with --pages")
    pack = load_pack()
    if pages is not None:
        _write_pages(pack, pages, examples or [])
    about = _about(pack)
    if as_json:
        print(msgspec.json.encode(about).decode())
        return
    for key, value in about.items():
        shown = " ".join(value) if isinstance(value, list) else value
        print(f"{key:<10}  {'' if shown is None else shown}".rstrip())


def _about(pack: "Pack") -> dict[str, Any]:
    from desmos_fast.exchange.layouts import active_folder

    return {
        "id": pack.profile, "name": pack.name, "version": pack.version, "status": pack.status, "valid_from": pack.valid_from,
        "valid_to": pack.valid_to, "source": pack.source, "folder": str(active_folder()),
        "records": [name for name, table in pack.tables.items() if not table.is_later],
        "later": [name for name, table in pack.tables.items() if table.is_later],
    }  # fmt: skip


def _write_pages(pack: "Pack", folder: Path, examples: Sequence[str]) -> None:
    from desmos_fast.exchange.pages import pages

    made = pages(pack, _records(examples))
    make_folder(folder)
    write_together([(folder / name, text.encode()) for name, text in made.items()])


def _records(paths: Sequence[str]) -> "Iterator[Example]":
    from desmos_fast.exchange.model import RECORD_WIDTH
    from desmos_fast.exchange.pages import Example

    for path in paths:
        for number, line in enumerate(read_input(path).decode("ascii", "replace").splitlines(), 1):
            if len(line) == RECORD_WIDTH:
                yield Example(f"Record {number} of `{path}`", line)
