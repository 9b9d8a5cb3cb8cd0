# SPDX-License-Identifier: Apache-2.0
"""`agent doctor`: whether this workstation will do, and what is in the way."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson

if TYPE_CHECKING:
    from readers.doctor.model import Report

VERDICTS: Final = {
    "recommended": "Ce poste est conforme à la configuration recommandée.",
    "minimum": "Ce poste est conforme à la configuration minimale.",
    "unsupported": "Ce poste n'atteint pas la configuration minimale.",
    "unknown": "Ce poste n'a pas pu être jugé : des informations manquent.",
}
SIGNS: Final = {"ok": "  ", "warning": "! ", "error": "X ", "unknown": "? "}
MOST_USERS: Final = 100_000


def register(_app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.agent.command()(doctor)


def doctor(
    users: Annotated[
        int | None, typer.Option("--users", min=1, max=MOST_USERS, help="How many people share the line of the centre.")
    ] = None,
    line_url: Annotated[
        str | None,
        typer.Option("--line-url", help="A large file to download, for ten seconds at most: the speed of the line. Needs --users."),
    ] = None,
    mobile: Annotated[bool, typer.Option("--mobile", help="The workstation is carried about: memory and disk of a tablet.")] = False,
    update_age: Annotated[int, typer.Option("--update-age", min=1, max=3650, help="Days after which updates are late.")] = 35,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="The agent's own folder; without it, one in the home of this user.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say in French whether this workstation is as the annex of the contract asks, with cause and action for each point. Touches no card.

    The exit status is 0 whatever was found: the report is the answer.
    """
    import msgspec

    from readers.doctor.model import Asked
    from readers.doctor.probes import facts
    from readers.doctor.rules import report
    from readers.uplink_folder import Folder, default_folder

    if (line_url is None) != (users is None):
        raise typer.BadParameter("--users and --line-url go together: what a line must do depends on both")
    if line_url is not None and not line_url.startswith(("http://", "https://")):
        raise typer.BadParameter("--line-url begins with http:// or https://")
    made = report(facts(line_url, Folder(folder or default_folder())), Asked(users=users, mobile=mobile, update_age_days=update_age))
    sys.stdout.write(msgspec.json.encode(made).decode() + "\n" if as_json else _page(made))


def _page(made: "Report") -> str:
    lines = [VERDICTS[made.verdict], ""]
    for finding in made.findings:
        lines.append(f"{SIGNS[finding.level]}{finding.point:3}  {finding.subject:14}  {finding.cause}")
        if finding.action:
            lines.append(f"{'':24}{finding.action}")
    return "\n".join(lines) + "\n"
