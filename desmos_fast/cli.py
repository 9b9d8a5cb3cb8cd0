# SPDX-License-Identifier: Apache-2.0
"""One program, `desmos-fast`: each room adds its commands, this module joins them."""

import contextlib
import importlib
import io
import os
import signal
import sys
import traceback
from types import FrameType
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from desmos_fast.base.errors import DesmosError, InvalidInput
from desmos_fast.base.identifiers import mask_nir
from desmos_fast.commands import groups

OUTSIDE: Final = 3


class Program(TyperGroup):
    """The commands, and what a closed pipe means: the library would leave with the status of a faulty input."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise typer.Exit(OUTSIDE) from None


app = typer.Typer(
    name="desmos-fast",
    cls=Program,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Bill and collect for French health centres: acts to FSE, lots, returns, bank, ledger. Test profile, not agréé.",
)
GROUPS: Final = (
    "fse", "lots", "files", "schedule", "webhooks", "contacts", "returns", "rejects", "bank", "matches", "matching", "payments", "ledger",
    "export", "followup", "reminders", "audit", "synth", "jobs", "centre", "key", "keys", "user", "import_", "nomenclature", "slo",
    "incident", "backup",
    "agent", "agents", "access",
)  # fmt: skip
MODULES: Final = (
    "fse_encode", "fse_read", "lots", "looking", "schedule", "webhooks", "returns", "bank", "reconcile", "synth", "service", "worker",
    "recipients", "contacts", "invoices", "jobs", "identity", "invariants", "demo", "layouts", "tariffs", "nomenclature", "bench", "price",
    "quote", "slo", "rejects", "dead_returns", "matches", "matching", "payments", "ledger", "export", "followup", "replay", "audit",
    "openapi", "agent", "agent_cards", "agent_simulate", "agent_doctor", "agent_bridges", "agent_install",
    "agents", "incidents", "probe", "dashboards", "masters", "options", "access", "backups",
)  # fmt: skip

for _name in GROUPS:
    app.add_typer(getattr(groups, _name), name=_name.rstrip("_"))
for _name in MODULES:
    importlib.import_module(f"desmos_fast.commands.{_name}").register(app)


def main() -> None:
    """Run the command line; exit 0 done, 1 faulty input, 2 wrong usage, 3 something outside failed."""
    if sys.stderr is None:
        # Closed by the caller (`2>&-`): what has nowhere to go must not end among the records on standard output.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it stays open to the end
    _speak_utf8()
    _end_on_signals()
    try:
        _run()
    except DesmosError as error:
        print(f"desmos-fast: {error.detail}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        raise SystemExit(1 if isinstance(error, InvalidInput) else OUTSIDE) from None
    except BrokenPipeError:
        _give_up_output()
        raise SystemExit(OUTSIDE) from None
    except OSError as error:
        _give_up_output()
        where = f": {mask_nir(os.fsdecode(error.filename))}" if isinstance(error.filename, str | bytes) else ""
        print(f"desmos-fast: the system refused: {error.strerror or type(error).__name__}{where}", file=sys.stderr)
        print("  check the disk, the rights of the files, and where the output goes", file=sys.stderr)
        raise SystemExit(OUTSIDE) from None
    except Exception as error:
        # The message of an error that nobody foresaw may hold anything, a NIR too: its kind and place are enough to find it.
        place = traceback.extract_tb(error.__traceback__)[-1]
        print(f"desmos-fast: a fault of this program: {type(error).__name__} in {place.filename}, line {place.lineno}", file=sys.stderr)
        raise SystemExit(OUTSIDE) from None


def _run() -> None:
    try:
        app(prog_name="desmos-fast")
    finally:
        # What is still in the buffer must fail here, where it can be told, not after the end.
        if sys.stdout is not None:
            sys.stdout.flush()


def _speak_utf8() -> None:
    """Write UTF-8 whatever the locale: JSON asks for it, and an old locale has no sign for an amount's minus or a table's lines."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=stream.errors)


def _end_on_signals() -> None:
    """Let a polite end unwind the program, so that no half-written file stays behind; commands that serve have their own way."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Who started the program with `nohup` wants it to go on.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _unwind)


def _unwind(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _give_up_output() -> None:
    """Let what cannot be written go nowhere, or the interpreter tries it again when it ends."""
    with contextlib.suppress(OSError, AttributeError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


if __name__ == "__main__":
    main()
