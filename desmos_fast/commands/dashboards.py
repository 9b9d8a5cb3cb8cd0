# SPDX-License-Identifier: Apache-2.0
"""`slo dashboards`: dashboards of Grafana from the files of the contract, and the reference pages of what they show."""

import importlib.util
import sys
from pathlib import Path
from typing import Annotated

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.slo import From


def register(_app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.slo.command()(dashboards)


def dashboards(
    to: Annotated[Path, typer.Option("--to", help="Folder for the files.")] = Path("monitoring/dashboards"),
    pages: Annotated[
        Path | None, typer.Option("--pages", help="Write reference pages of metrics and dashboards in this folder too.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 unless the files there are those that would be written.")
    ] = False,
    contract: From = None,
) -> None:
    """Write dashboards and provisioning files of Grafana from the files of the contract."""
    from desmos_fast.commands.common import exit_faulty, make_folder, write_together

    made = _made(to, pages, contract)
    if not check:
        for path in made:
            make_folder(path.parent)
        write_together([(path, content.encode()) for path, content in made.items()])
        return
    # A dashboard that nothing makes any more is still shown.
    there = made.keys() | set(to.glob("*.json"))
    differing = sorted(path for path in there if not path.is_file() or path.read_text(encoding="utf-8") != made.get(path))
    for path in differing:
        print(f"{path} is not what the contract says: run `desmos-fast slo dashboards`", file=sys.stderr)
    if differing:
        exit_faulty()


def _made(to: Path, pages: Path | None, contract: Path | None) -> dict[Path, str]:
    from desmos_fast.base.errors import OutsideFailed
    from desmos_fast.commands.slo import contract_of

    if importlib.util.find_spec("grafana_foundation_sdk") is None:
        raise OutsideFailed("dashboards need a library that is not installed", hint="install desmos-fast[dashboards]")
    from monitoring.dashboards.build import dashboard_files
    from monitoring.reference import dashboards_page, metrics_page

    files = dashboard_files(contract_of(contract))
    made = {to / name: content for name, content in files.items()}
    if pages is not None:
        made |= {pages / "metrics.md": metrics_page(), pages / "dashboards.md": dashboards_page(files)}
    return made
