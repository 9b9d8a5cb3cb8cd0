# SPDX-License-Identifier: Apache-2.0
"""Long input by blocks of whole lines, and a bar that tells how far the work is."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import typer

from desmos_fast.base.errors import OutsideFailed

BLOCK: Final = 1 << 20


@contextlib.contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input for `-`, for reading a block at a time.

    Raises typer.BadParameter (exit 2) when there is no such file, OutsideFailed (exit 3) when it cannot be opened.
    """
    if path == "-":
        yield sys.stdin.buffer
        return
    try:
        source = open(path, "rb")  # noqa: SIM115 - closed below; what the body raises must not be taken for a failed opening
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise typer.BadParameter(f"no readable file at {path!r}: {error.strerror}") from error
    except OSError as error:
        raise OutsideFailed(f"cannot read {path!r}: {error.strerror}", hint="check the rights of the file and the disk") from error
    with source:
        yield source


def line_blocks(source: BinaryIO) -> Iterator[bytes]:
    """Cut the input into blocks of whole lines, 1 MiB or a little more each; raise OutsideFailed (exit 3) when it cannot be read."""
    while block := _read_block(source):
        yield block


def _read_block(source: BinaryIO) -> bytes:
    try:
        block = source.read(BLOCK)
        return block and block + source.readline()
    except OSError as error:
        raise OutsideFailed(f"cannot read the input: {error.strerror}", hint="check the rights of the file and the disk") from error


@contextlib.contextmanager
def progress(name: str, source: BinaryIO) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error while a long input is read; the function given takes the bytes just done.

    Nothing is shown unless standard error is a terminal.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=_size(source))
        yield lambda done: bar.advance(task, done)


def _size(source: BinaryIO) -> int | None:
    """Return the bytes of a file; None for a pipe, whose end nobody knows."""
    try:
        return os.fstat(source.fileno()).st_size or None
    except OSError:
        return None
