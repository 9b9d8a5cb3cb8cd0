# SPDX-License-Identifier: Apache-2.0
"""A program that runs the embedded server until its input ends, for tests that kill it or run it as someone else.

Prints one JSON line: what it opened, or the error. Used as `python -m tests.db.holder DATA_DIR [PG_BIN]`.
"""

import json
import os
import sys
from pathlib import Path

from desmos_fast.base.errors import DesmosError
from desmos_fast.base.settings import Settings
from desmos_fast.db.embedded import open_cluster


def main() -> int:
    """Open, tell, wait for the end of the input, stop."""
    settings = Settings(data_dir=Path(sys.argv[1]), pg_bin=Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    try:
        with open_cluster(settings) as cluster:
            told = {"pid": cluster.pid, "version": cluster.version, "uid": os.geteuid(), "socket_dir": str(cluster.socket_dir)}
            print(json.dumps(told), flush=True)
            sys.stdin.read()
    except DesmosError as error:
        print(json.dumps({"error": type(error).__name__, "detail": error.detail, "hint": error.hint}), flush=True)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
