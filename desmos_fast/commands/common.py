# SPDX-License-Identifier: Apache-2.0
"""What every command shares: input and output by path or `-`, faults as JSON lines, the exit of a faulty input."""

import contextlib
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn, cast

import typer

from desmos_fast.base.errors import OutsideFailed

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

    from desmos_fast.exchange.faults import Fault
    from desmos_fast.nomenclature.importer import TableFault

IN_MEMORY: Final = 8 << 20


def read_input(path: str) -> bytes:
    """Return the whole of a file, or of standard input for `-`.

    Raises typer.BadParameter (exit 2) when there is no such file, OutsideFailed (exit 3) when it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise typer.BadParameter(f"no readable file at {path!r}: {error.strerror}") from error
    except OSError as error:
        raise OutsideFailed(f"cannot read {path!r}: {error.strerror}", hint="check the rights of the file and the disk") from error


def euros(cents: int) -> str:
    """Return an amount as people read it."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d} EUR"


def make_folder(path: str | Path) -> Path:
    """Return a folder, made when it is not there.

    Raises typer.BadParameter (exit 2) for a file of that name, OutsideFailed (exit 3) when it cannot be made.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise typer.BadParameter(f"{str(folder)!r} is not a folder") from error
    except OSError as error:
        raise OutsideFailed(f"cannot make {str(folder)!r}: {error.strerror}", hint="check the rights of the folder and the disk") from error
    return folder


def shown(*columns: "ProgressColumn") -> "Progress":
    """Return a bar on standard error, gone at its end, that breaks no line written meanwhile and keeps nothing from standard output."""
    from rich.console import Console
    from rich.progress import Progress

    # Unless told otherwise the library shows above the bar what was meant for a file or a pipe.
    above = sys.stdout is not None and sys.stdout.isatty()
    return Progress(*columns, console=Console(stderr=True, soft_wrap=True), transient=True, redirect_stdout=above)


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal, while the block runs, what is being done and for how long; nothing anywhere else."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    with shown(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()) as bar:
        bar.add_task(what, total=None)
        yield


@contextlib.contextmanager
def counting(what: str, least: int = 0) -> Iterator[Callable[[int, int], None]]:
    """Give what is told how many are done and of how many, and show that on a terminal from `least` on; nothing anywhere else."""
    if not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    with shown(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task(what, total=None, visible=not least)
        yield lambda done, of: bar.update(task, completed=done, total=of, visible=of >= least)


def noted_head(given: str) -> tuple[int, bytes]:
    """Return the number and the hash of an end of a chain that was noted elsewhere. Raises typer.BadParameter (exit 2)."""
    found = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", given)
    if found is None:
        raise typer.BadParameter("--head is a number, a colon and 64 hexadecimal digits")
    return int(found[1]), bytes.fromhex(found[2])


@contextlib.contextmanager
def atomic_output(path: str) -> Iterator[BinaryIO]:
    """Give a binary file that takes the place of `path` only once it is whole and on disk; `-` is standard output.

    When the block raises, the former file stays and nothing is left behind. A pipe or a device is written in place.
    Raises typer.BadParameter (exit 2) for a folder that does not exist, OutsideFailed (exit 3) when writing fails.
    """
    if path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        # Looked at by the name that was given: what a pipe among the open files of a process (`/dev/stdout`, `>(…)`) leads to has no path.
        if _is_written_in_place(path):
            with open(path, "wb") as out:
                yield out
            return
        with _replaced(Path(os.path.realpath(path))) as out:
            yield out
    except BrokenPipeError:
        raise
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise typer.BadParameter(f"cannot write to {path!r}: {error.strerror}") from error
    except OSError as error:
        raise OutsideFailed(f"cannot write {path!r}: {error.strerror}", hint="check the rights of the folder and the disk") from error


def _is_written_in_place(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def refusable_output(path: str, *, keep_going: bool) -> Iterator[BinaryIO]:
    """Do what atomic_output does for data of which a later fault leaves nothing: unless `keep_going`, none reaches a pipe before the end.

    The block raises when nothing is to be written.
    """
    with atomic_output(path) as out:
        # A file takes its name only once it is whole; standard output may be one that does not.
        if keep_going or (path != "-" and stat.S_ISREG(os.fstat(out.fileno()).st_mode)):
            yield out
            return
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as kept:
            yield cast(BinaryIO, kept)
            kept.seek(0)
            shutil.copyfileobj(kept, out)


def write_together(contents: Sequence[tuple[Path, bytes]]) -> None:
    """Write files of which none takes its name before all are whole and on disk; then they do, in the order given.

    Raises what atomic_output raises.
    """
    with contextlib.ExitStack() as files:
        for path, content in reversed(contents):
            out = files.enter_context(atomic_output(str(path)))
            out.write(content)
            out.flush()
            os.fsync(out.fileno())


@contextlib.contextmanager
def _replaced(target: Path) -> Iterator[BinaryIO]:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    # Not mkstemp: the file that stays must have the rights that the user's umask gives.
    number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with open(number, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def print_faults(faults: "Iterable[Fault | TableFault]") -> None:
    """Write each fault as one JSON line on standard error, whatever has the form of a NIR hidden."""
    import msgspec

    from desmos_fast.base.identifiers import mask_nir

    for fault in faults:
        value = fault.value
        if value is not None and mask_nir(str(value)) != str(value):
            value = mask_nir(str(value))
        shown = msgspec.structs.replace(fault, value=value, message=mask_nir(fault.message))
        sys.stderr.write(msgspec.json.encode(shown).decode() + "\n")
    sys.stderr.flush()


def exit_faulty() -> NoReturn:
    """Leave with the exit status of a faulty input (1)."""
    raise typer.Exit(1)
