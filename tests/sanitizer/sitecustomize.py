# SPDX-License-Identifier: Apache-2.0
"""Start what is not Python without the sanitizer: Python finds this where `scripts/sanitized` runs it, in every process that it starts.

The kernels are what is looked at. PostgreSQL's server stands still before its first line when the library comes before its own, a browser
spins for ever; and a Python that a test starts with few settings, as a unit of the system would, cannot load our kernels without it.
"""

import os
import subprocess
import sys
from typing import Any, Final

OTHERS: Final = frozenset({
    "alertmanager", "chromium", "gcc", "git", "gzip", "haproxy", "initdb", "openssl", "pcscd", "pg_ctl", "pgbench", "pg_dump", "pg_restore",
    "postgres", "prometheus", "promtool", "psql", "softhsm2-util", "systemd-analyze",
})  # fmt: skip
HERE: Final = os.path.dirname(os.path.abspath(__file__))
LIBRARY: Final = "LD_PRELOAD"
OF_OURS: Final = {name: os.environ[name] for name in (LIBRARY, "PYTHONMALLOC", "ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}
_begin: Final = subprocess.Popen.__init__


def _begin_apart(self: Any, args: Any, *rest: Any, **named: Any) -> None:
    words = [os.path.basename(os.fsdecode(word)) for word in ([args] if isinstance(args, str | bytes | os.PathLike) else args)]
    given = named.get("env")
    if not OTHERS.isdisjoint(words):
        environment = os.environ if given is None else given
        named["env"] = {name: value for name, value in environment.items() if name != LIBRARY}
    elif given is not None and os.path.basename(sys.executable) in words:
        # What it starts in its turn is looked at here, too.
        named["env"] = OF_OURS | given | {"PYTHONPATH": os.pathsep.join(filter(None, (HERE, given.get("PYTHONPATH"))))}
    _begin(self, args, *rest, **named)


subprocess.Popen.__init__ = _begin_apart  # type: ignore[method-assign]
