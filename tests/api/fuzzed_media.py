# SPDX-License-Identifier: Apache-2.0
"""How schemathesis writes a body that is neither JSON nor bytes, and what it leaves out; loaded in its process by `tests.api.fuzzed`."""

import os
from typing import Any

import schemathesis  # type: ignore[import-not-found]


@schemathesis.serializer("application/x-ndjson", "application/toml")  # type: ignore[untyped-decorator]
def lines(_context: Any, value: Any) -> bytes:
    """Write a text as it is, and what should be a text and is not as text too."""
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


# Who follows what was made would look in vain for what a trial did not make.
if os.environ.get("DESMOS_FUZZ_TRIALS") == "no":

    @schemathesis.hook  # type: ignore[untyped-decorator]
    def map_query(_context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
        """Ask for no trial."""
        return query and {name: value for name, value in query.items() if name != "validate_only"}
