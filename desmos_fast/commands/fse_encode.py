# SPDX-License-Identifier: Apache-2.0
"""(commands of this room)"""

import typer


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
