# SPDX-License-Identifier: Apache-2.0
"""Run schemathesis against the real service over a database of its own: `python -m tests.api.fuzzed TOOLS SECONDS`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from desmos_fast.demo.house import House

FINESS: Final = "751000001"
SEED: Final = "1"
PHASES: Final = ("examples,coverage", "fuzzing", "stateful")
# A description cannot say what a centre has recorded, what a cursor means or which fields go together: what it allows may be refused, with
# one of the codes that it lists.
LEFT_OUT: Final = "positive_data_acceptance"


def main() -> int:
    """Start the service, give it a centre, and let the tool in TOOLS ask what it likes for SECONDS a phase; return 1 for any finding."""
    tools, seconds = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        # The database runs as an account of its own when we are root, and must get in.
        os.chmod(folder, 0o755)
        house = House(Path(folder) / "house")
        try:
            house.start_service()
            house.command("centre", "add", FINESS, "--name", "Centre de test")
            found = [_phase(house, tools, seconds, phase) for phase in PHASES]
            house.check()
        finally:
            house.stop()
    return int(any(found))


def _phase(house: House, tools: str, seconds: str, phase: str) -> int:
    """Run one phase with a key of its own, which it may well end."""
    key = house.command("key", "new", FINESS, "--kind", "test").split()[-1]
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{house.url}/v1/openapi.json", "-H", f"Authorization: Bearer {key}",
        "--phases", phase, "--exclude-checks", LEFT_OUT, "--max-time", seconds, "--seed", SEED, "--continue-on-failure",
    ]  # fmt: skip
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": tools}).returncode


if __name__ == "__main__":
    sys.exit(main())
