# SPDX-License-Identifier: Apache-2.0
"""`recipients`: who claim files go to, and whether a file that says so can be used."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from desmos_fast.lots.recipients.model import Recipient, Recipients, Route, Schedule


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command()(recipients)


def recipients(
    check: Annotated[Path | None, typer.Option("--check", help="Check this file, with the keys and folders that it names.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as one JSON object.")] = False,
) -> None:
    """Show who claim files go to, how and when: what the file DESMOS_RECIPIENTS says, else everything into the letterbox.

    With --check nothing is sent anywhere; each fault is one JSON line on standard error, and the exit status is 1.
    """
    import msgspec

    from desmos_fast.commands.common import exit_faulty, print_faults
    from desmos_fast.lots.recipients.model import RecipientsInvalid
    from desmos_fast.lots.recipients.reading import load_recipients, read_recipients
    from desmos_fast.lots.transports.opening import open_transports

    try:
        found = load_recipients() if check is None else read_recipients(check)
        if check is not None:
            open_transports(found)
    except RecipientsInvalid as error:
        print_faults(error.faults)
        exit_faulty()
    if as_json:
        shown = {"recipients": {name: _object(one) for name, one in found.by_name.items()}, "routes": found.routes}
        print(msgspec.json.encode(shown).decode())
        return
    _print(found)


def _object(one: "Recipient") -> dict[str, Any]:
    import msgspec

    parts = {part: getattr(one, part) for part in ("schedule", "pace", "retries", "breaker")}
    way: dict[str, Any] = msgspec.to_builtins(one.way)
    return way | parts


def _print(found: "Recipients") -> None:
    for name, one in found.by_name.items():
        print(name)
        told = {key: value for key, value in _object(one).items() if key not in ("schedule", "pace", "retries", "breaker")}
        for key, value in told.items():
            if value is not None:
                print(f"  {key:<26}  {value}")
        limit = "" if one.pace.per_minute is None else f", {one.pace.per_minute:g} a minute"
        print(f"  {'open':<26}  {_hours(one.schedule)}")
        print(f"  {'pace':<26}  {one.pace.at_once} at once{limit}")
        tries = one.retries
        print(f"  {'retries':<26}  {tries.tries} tries, after up to {tries.first_s:g} s, then twice as long, at most {tries.longest_s:g} s")
        print(f"  {'breaker':<26}  after {one.breaker.failures} failures in a row, {one.breaker.pause_s:g} s")
    print()
    for route in found.routes:
        print(f"{_criteria(route)} -> {route.to}")


def _hours(schedule: "Schedule") -> str:
    if schedule.always:
        return "always"
    closed = "" if schedule.holidays else ", closed on holidays"
    return f"{' '.join(schedule.days)}, {' '.join(schedule.hours)}{closed}"


def _criteria(route: "Route") -> str:
    told = {name: getattr(route, name) for name in ("regime", "caisse", "centre", "flow", "amc")}
    return ", ".join(f"{name} {value}" for name, value in told.items() if value is not None) or "everything else"
