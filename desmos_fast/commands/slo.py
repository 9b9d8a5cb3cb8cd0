# SPDX-License-Identifier: Apache-2.0
"""`slo rules` and `slo report`: the contract's availability as rules of Prometheus, and what became of it in a month."""

import math
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, ParamSpec, TypeVar

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson

if TYPE_CHECKING:
    from monitoring.slo.model import Contract
    from monitoring.slo.recorded import Measured, Outage
    from monitoring.slo.report import Month

HEAD: Final = "# SPDX-License-Identifier: Apache-2.0\n# Written by `desmos-fast slo rules` from the files of the contract.\n"
From = Annotated[Path | None, typer.Option("--contract", help="Folder of the files of the contract; without it, that of the program.")]
SECOND: Final = timedelta(seconds=1)
P = ParamSpec("P")
T = TypeVar("T")


def register(_app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.slo.command()(rules)
    groups.slo.command()(report)


def rules(
    to: Annotated[Path, typer.Option("--to", help="Folder for the files.")] = Path("monitoring/rules"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 unless the files there are those that would be written.")
    ] = False,
    contract: From = None,
) -> None:
    """Write recording rules and alerts from the files of the contract. Each of their faults is one JSON line on standard error, exit 1."""
    from desmos_fast.commands.common import exit_faulty, make_folder, write_together
    from monitoring.slo.rules import rule_files
    from monitoring.slo.yaml import dump

    made = {name: (HEAD + dump(told)).encode() for name, told in rule_files(contract_of(contract)).items()}
    if not check:
        make_folder(to)
        write_together([(to / name, content) for name, content in made.items()])
        return
    # A file that nothing makes any more is still loaded.
    there = {path.name: path.read_bytes() for path in to.glob("*.yaml")}
    differing = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
    for name in differing:
        print(f"{to / name} is not what the contract says: run `desmos-fast slo rules`", file=sys.stderr)
    if differing:
        exit_faulty()


def report(
    month: Annotated[str, typer.Option("--month", help="The month, as 2026-11.")],
    source: Annotated[str | None, typer.Option("--from", help="What was recorded: a file of JSON lines, `-` standard input.")] = None,
    centre: Annotated[
        str | None, typer.Option("--centre", help="FINESS of a centre, whose declared incidents and maintenance count too.")
    ] = None,
    backups: Annotated[
        Path | None, typer.Option("--backups", help="The folder of backups, which says what was measured of them; else DESMOS_BACKUPS.")
    ] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Write the report to this PDF, too.")] = None,
    as_json: AsJson = False,
    contract: From = None,
) -> None:
    """Report the availability of a month with its arithmetic, as Markdown, JSON or PDF, from a file, the incidents of a centre, or both.

    Each fault of a line is one JSON line on standard error, and the exit status is 1.
    """
    import msgspec

    from desmos_fast.commands.common import read_input
    from monitoring.slo.page import page
    from monitoring.slo.recorded import read_recorded
    from monitoring.slo.report import make_report

    if source is None and centre is None:
        raise typer.BadParameter("say what was recorded: --from FILE, --centre FINESS, or both")
    said = contract_of(contract)
    asked = _month(month)
    outages, measured = ([], []) if source is None else _told(read_recorded, read_input(source), source)
    if centre is not None:
        outages = [*outages, *_declared(centre, asked)]
    measured = [*measured, *_saved(backups, asked)]
    made = make_report(said, asked, outages, measured)
    if pdf is not None:
        from desmos_fast.commands.common import write_together
        from monitoring.slo.pdf import render

        write_together([(pdf, render(made))])
    sys.stdout.write(f"{msgspec.json.encode(made).decode()}\n" if as_json else page(made))


def _declared(finess: str, month: "Month") -> "list[Outage]":
    """Return the outages of a centre's declared incidents and maintenance; one that ran degraded for a while is two."""
    from desmos_fast.commands.acting import act
    from desmos_fast.incidents import service
    from monitoring.slo.recorded import Outage

    made: list[Outage] = []
    for one in act(finess, lambda con, context: service.between(con, context, month.start, month.until)):
        common = {
            "cause": one.cause, "planned": one.planned, "disaster": one.disaster, "declared": one.declared_at, "what": one.what,
        }  # fmt: skip
        down_until = one.ended_at if one.degraded_at is None else one.degraded_at
        if down_until is None or down_until > one.starts_at:
            made.append(Outage(start=one.starts_at, end=down_until, acknowledged=one.acknowledged_at, **common))  # type: ignore[arg-type]
        if one.degraded_at is not None and (one.ended_at is None or one.ended_at > one.degraded_at):
            started = one.acknowledged_at if one.degraded_at == one.starts_at else None
            made.append(
                Outage(start=one.degraded_at, end=one.ended_at, state="degraded", acknowledged=started, **common)  # type: ignore[arg-type]
            )
    return made


def _saved(folder: Path | None, month: "Month") -> "list[Measured]":
    """Return what a folder of backups shows of a month: trials of restoring, and the times for which most would have been lost."""
    from desmos_fast.backups import folder as folders
    from desmos_fast.backups import rules
    from desmos_fast.base.settings import load
    from monitoring.slo.recorded import Measured

    where = folder or load().backups
    if where is None:
        return []
    kept = folders.read(where)
    made = [
        Measured(at=min(at, month.until - SECOND), what="rpo", seconds=math.ceil(lost))
        for at, lost in rules.gaps(kept.backups, month.start, month.until)
    ]
    for trial in kept.trials:
        made.append(Measured(at=trial.at, what="restore_test", passed=trial.passed))
        if trial.passed:
            made.append(Measured(at=trial.at, what="rto", seconds=math.ceil(trial.rto_s)))
        if trial.passed and trial.rpo_s is not None:
            made.append(Measured(at=trial.at, what="rpo", seconds=math.ceil(trial.rpo_s)))
    return made


def _month(name: str) -> "Month":
    from desmos_fast.base import window
    from desmos_fast.base.clock import PARIS, system_clock
    from monitoring.slo.report import Month

    try:
        start, end = window.month_of(datetime.strptime(name, "%Y-%m").replace(day=2, tzinfo=PARIS))
    except ValueError:
        raise typer.BadParameter(f"{name!r} is no month; write it as 2026-11") from None
    until = min(end, system_clock())
    if until <= start:
        raise typer.BadParameter(f"{name} has not begun")
    return Month(name=name, start=start, until=until, opened=list(window.spans(start, until)))


def contract_of(folder: Path | None) -> "Contract":
    """Return the contract of a folder, or that of the program; its faults, if it has any, are printed and end the program."""
    from monitoring.slo.reading import FOLDER, read_contract

    return _told(read_contract, FOLDER if folder is None else folder)


def _told(read: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Return what is read; its faults, if it has any, are printed and end the program."""
    import msgspec

    from desmos_fast.commands.common import exit_faulty
    from monitoring.slo.model import SloInvalid

    try:
        return read(*args, **named)
    except SloInvalid as error:
        for fault in error.faults:
            sys.stderr.write(msgspec.json.encode(fault).decode() + "\n")
        exit_faulty()
