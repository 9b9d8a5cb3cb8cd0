# SPDX-License-Identifier: Apache-2.0
"""Which heads are served where their bytes arrive: it is remembered of those that may be, and of no others."""

from types import SimpleNamespace
from typing import Any

import pytest

from api import hot
from tests.api.conftest import House

PLAIN = (b"Host", b"Authorization", b"Content-Length", b"X-Request-Id")


def message(*names: bytes, **other: Any) -> Any:
    """Return no more of a message than what is looked at."""
    told = {"method": "POST", "path": "/v1/quotes", "version": (1, 1), "should_close": False, "upgrade": False, "chunked": False}
    return SimpleNamespace(raw_headers=tuple((name, b"v") for name in names), **told | other)


@pytest.mark.parametrize(
    "other",
    [
        {"method": "GET"}, {"path": "/v1/quotes?on=2026-01-01"}, {"path": "/v1/lots"}, {"version": (1, 0)}, {"should_close": True},
        {"upgrade": True}, {"chunked": True},
    ],
)  # fmt: skip
async def test_names_that_were_plain_once_excuse_nothing_else(house: House, other: dict[str, Any]) -> None:
    served = hot.Hot(house.app)
    assert served.takes(message(*PLAIN))
    assert not served.takes(message(*PLAIN, **other))
    assert served.takes(message(*PLAIN))


async def test_a_name_that_stands_twice_or_is_not_known_is_never_plain(house: House) -> None:
    served = hot.Hot(house.app)
    for wrong in ((*PLAIN, b"host"), (*PLAIN, b"X-Request-Id"), (*PLAIN, b"Transfer-Encoding"), (*PLAIN, b"Expect"), (*PLAIN, b"X-New")):
        assert served.takes(message(*PLAIN))
        for _ in range(2):
            assert not served.takes(message(*wrong)), wrong
    assert served._plain == {PLAIN}


async def test_only_so_many_are_remembered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot, "PLAIN_MOST", 3)
    served = hot.Hot(house.app)
    for size in range(1, len(PLAIN) + 1):
        for names in (PLAIN[:size], tuple(name.lower() for name in PLAIN[:size])):
            assert served.takes(message(*names))
            assert 0 < len(served._plain) <= 3
