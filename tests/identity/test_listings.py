# SPDX-License-Identifier: Apache-2.0
"""What lists of keys, users and held jobs print: whose clock an instant is of."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from desmos_fast.cli import app
from desmos_fast.commands import identity, jobs
from desmos_fast.db.queue import HeldJob

AT = datetime(2026, 11, 26, 13, 56, tzinfo=UTC)
COMMON = {"id": "1", "kind": "test", "roles": ["admin"], "used_at": AT}
KEY = SimpleNamespace(**COMMON, revoked_at=None, expires_at=AT, label="")
USER = SimpleNamespace(**COMMON, ended_at=None, login="anne@centre.example", name="Anne")


@pytest.mark.parametrize(("kind", "times"), [("key", 2), ("user", 1)])
def test_an_instant_says_whose_clock_it_is_of(kind: str, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "in_centre", lambda *_: SimpleNamespace(keys=[KEY], users=[USER]))
    listed = CliRunner().invoke(app, [kind, "list", "750000010"])
    assert (listed.exit_code, listed.stdout.count("2026-11-26 13:56 UTC")) == (0, times)


def test_a_held_job_says_it_too() -> None:
    assert "2026-11-26 13:56:00 UTC" in jobs._line(HeldJob(1, "send", b"{}", AT, None))
