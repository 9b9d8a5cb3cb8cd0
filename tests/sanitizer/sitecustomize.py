# SPDX-License-Identifier: Apache-2.0
"""Start PostgreSQL without the sanitizer: Python finds this where `scripts/sanitized` runs it, in every process that it starts.

The kernels are what is looked at, and the system's server stands still before its first line when the library comes before its own.
"""

import os
import subprocess
from typing import Any, Final

SERVERS: Final = frozenset({"postgres", "initdb", "pg_ctl", "pg_dump", "pg_restore", "psql"})
_begin: Final = subprocess.Popen.__init__


def _begin_without(self: Any, args: Any, *rest: Any, **named: Any) -> None:
    words = [args] if isinstance(args, str | bytes | os.PathLike) else list(args)
    if SERVERS & {os.path.basename(os.fsdecode(word)) for word in words}:
        given = named.get("env")
        environment = os.environ if given is None else given
        named["env"] = {name: value for name, value in environment.items() if name != "LD_PRELOAD"}
    _begin(self, args, *rest, **named)


subprocess.Popen.__init__ = _begin_without  # type: ignore[method-assign]
