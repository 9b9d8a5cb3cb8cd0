# SPDX-License-Identifier: Apache-2.0
"""How schemathesis writes a body that is neither JSON nor bytes; loaded by `tests.api.fuzzed` in the tool's own process."""

from typing import Any

import schemathesis  # type: ignore[import-not-found]


@schemathesis.serializer("application/x-ndjson", "application/toml")  # type: ignore[untyped-decorator]
def lines(_context: Any, value: Any) -> bytes:
    """Write a text as it is, and what should be a text and is not as text too."""
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")
