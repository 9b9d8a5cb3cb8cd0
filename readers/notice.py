# SPDX-License-Identifier: Apache-2.0
"""A word on the screen of the workstation for each reading, by the notices of its desktop: no card is read unseen.

It says which reader, and nothing of what the card says. A reading never waits for it. What Windows is asked was never tried on one.
"""

import html
import logging
import os
import platform
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

from readers.outbox.store import Happened
from readers.reading import Reading
from readers.uplink import Cards

log: Final = logging.getLogger("desmos.notice")
TITLE: Final = "Lecture de carte"
SHOWN_MS: Final = 5000
PATIENCE_S: Final = 20.0
# Texts come by the environment, where no sign of the shell is one.
BALLOON: Final = (
    "Add-Type -AssemblyName System.Windows.Forms;"
    "$notice = New-Object System.Windows.Forms.NotifyIcon;"
    "$notice.Icon = [System.Drawing.SystemIcons]::Information; $notice.Visible = $true;"
    f"$notice.ShowBalloonTip({SHOWN_MS}, $env:DESMOS_NOTICE_TITLE, $env:DESMOS_NOTICE_TEXT, 'Info');"
    f"Start-Sleep -Milliseconds {SHOWN_MS}; $notice.Dispose()"
)
Show = Callable[[str], None]


class Command(NamedTuple):
    """A program that shows a notice, and what its environment holds beside ours."""

    arguments: tuple[str, ...]
    env: dict[str, str]


class Noticed:
    """Readers of which each reading is shown."""

    def __init__(self, cards: Cards, show: Show) -> None:
        self._cards, self._show = cards, show

    def events(self) -> AsyncIterator[Happened]:
        """Tell what holds now, then whatever happens."""
        return self._cards.events()

    async def read(self, reader: str, deadline_s: float) -> Reading:
        """Read the card in a reader, now or when it comes, and show that it was read. Raises ReaderError."""
        found = await self._cards.read(reader, deadline_s)
        self._show(f"Une carte a été lue dans le lecteur {reader}.")
        return found


def command(system: str, text: str) -> Command | None:
    """Return what shows a text on a system; None where nothing is known to."""
    if system == "Windows":
        shell = ("powershell.exe", "-NoProfile", "-NonInteractive", "-WindowStyle", "Hidden", "-Command", BALLOON)
        return Command(shell, {"DESMOS_NOTICE_TITLE": TITLE, "DESMOS_NOTICE_TEXT": text})
    program = shutil.which("notify-send")
    if program is None:
        return None
    # The body is read as markup.
    return Command((program, "--app-name=desmos-fast", f"--expire-time={SHOWN_MS}", "--", TITLE, html.escape(text, quote=False)), {})


def show(text: str) -> None:
    """Show a text for some seconds, and wait for nothing; what cannot be shown is a warning in the log."""
    asked = command(platform.system(), text)
    if asked is None:
        log.warning("a reading was not shown: no program shows notices here (on Debian, install libnotify-bin)")
        return
    # A daemon: an agent that leaves does not wait for a notice to fade.
    threading.Thread(target=_run, args=(asked,), daemon=True).start()


def _run(asked: Command) -> None:
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        subprocess.run(
            asked.arguments, env=os.environ | asked.env, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=True,
            creationflags=hidden,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("a reading was not shown: %s", type(error).__name__)
