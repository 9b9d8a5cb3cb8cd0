# SPDX-License-Identifier: Apache-2.0
"""Run schemathesis against the real service over a database of its own: `python -m tests.api.fuzzed TOOLS SECONDS`."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from desmos_fast.demo.house import House

FINESS: Final = "751000001"
SEED: Final = "1"
# A run that ends keys ends its own sooner or later, and learns nothing more then: those routes come last.
KEYS: Final = "^/v1/keys/"
# A stream of a minute and a WebSocket are no question with an answer.
LATER: Final = f"{KEYS}|^/v1/readers/events$|^/v1/agents/channel$"
RUNS: Final = (
    ("--phases", "examples,coverage", "--exclude-path-regex", LATER),
    ("--phases", "fuzzing", "--exclude-path-regex", LATER),
    ("--phases", "stateful", "--exclude-path-regex", LATER),
    ("--phases", "examples,coverage,fuzzing", "--include-path-regex", KEYS),
)
# A description cannot say what a centre has recorded, what a cursor means or which fields go together: what it allows may be refused, with
# one of the codes that it lists.
SETTINGS: Final = Path(__file__).with_name("fuzzed.toml")
LEFT_OUT: Final = "positive_data_acceptance"


def main() -> int:
    """Start the service, give it a centre, and let the tool in TOOLS ask what it likes for SECONDS a run; return 1 for any finding."""
    tools, seconds = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        # The database runs as an account of its own when we are root, and must get in.
        os.chmod(folder, 0o755)
        house = House(Path(folder) / "house")
        try:
            house.start_service()
            house.command("centre", "add", FINESS, "--name", "Centre de test")
            found = [_run(house, tools, seconds, options) for options in RUNS]
            house.check()
        finally:
            house.stop()
    return int(any(found))


def _run(house: House, tools: str, seconds: str, options: Sequence[str]) -> int:
    """Run the tool once, with a key of its own."""
    key = house.command("key", "new", FINESS, "--kind", "test").split()[-1]
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS),
        "run", f"{house.url}/v1/openapi.json", "-H", f"Authorization: Bearer {key}",
        *options, "--exclude-checks", LEFT_OUT, "--max-time", seconds, "--seed", SEED, "--continue-on-failure",
    ]  # fmt: skip
    env = {
        "PYTHONPATH": tools,
        "SCHEMATHESIS_HOOKS": "tests.api.fuzzed_media",
        "DESMOS_FUZZ_TRIALS": "no" if "stateful" in options else "yes",
    }
    return subprocess.run(command, env=os.environ | env).returncode


if __name__ == "__main__":
    sys.exit(main())
