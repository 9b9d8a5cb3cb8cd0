# SPDX-License-Identifier: Apache-2.0
"""A watch over the server that this program runs: when it dies by itself it is started again."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from desmos_fast.base.errors import DesmosError
from desmos_fast.db.postmaster import Postmaster

WATCH_S: Final = 0.1
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 10.0
_LOG: Final = logging.getLogger(__name__)


class Keeper:
    """One thread that looks after one server until `stop`; `again` starts the server anew and tells the others where it is."""

    def __init__(self, server: Postmaster, again: Callable[[], Postmaster]) -> None:
        self._server = server
        self._again = again
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="postgresql-keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch, then the server. Raises StopFailed."""
        self._ending.set()
        self._thread.join()
        self._server.stop()

    def _watch(self) -> None:
        while not self._ending.wait(WATCH_S):
            if not self._server.alive():
                _LOG.warning("PostgreSQL (process %d) ended by itself; starting it again", self._server.pid)
                self._restart()

    def _restart(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._ending.is_set():
            try:
                self._server = self._again()
            except (DesmosError, OSError) as error:
                # The disk may be full or a backup may hold the folder: what was started stays down until that ends, so keep trying.
                _LOG.error("PostgreSQL does not start again: %s", error)
                self._ending.wait(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                return
