# SPDX-License-Identifier: Apache-2.0
"""What `serve` listens on: its options, else the environment, else the defaults."""

import contextlib
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from desmos_fast.base.settings import load
from desmos_fast.cli import app
from desmos_fast.commands import runtime, service
from desmos_fast.commands.runtime import Runtime

ENVIRONMENT = {"DESMOS_HOST": "127.0.0.9", "DESMOS_PORT": "0", "DESMOS_POOL_SIZE": "3"}


@pytest.mark.parametrize(
    ("env", "options", "expected"),
    [
        ({}, [], ("127.0.0.1", 8080, 8)),
        (ENVIRONMENT, [], ("127.0.0.9", 0, 3)),
        (ENVIRONMENT, ["--host", "127.0.0.2", "--port", "81", "--connections", "5"], ("127.0.0.2", 81, 5)),
        ({"DESMOS_PORT": "81"}, ["--port", "0"], ("127.0.0.1", 0, 8)),
    ],
)
def test_options_win_over_the_environment(
    env: dict[str, str], options: list[str], expected: tuple[str, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int, int]] = []

    async def note(place: Runtime, host: str, port: int, connections: int, grace_s: float, processes: int) -> None:
        seen.append((host, port, connections))

    @contextlib.contextmanager
    def none(*, start: bool = False) -> Iterator[Runtime]:
        yield Runtime(load(), "", "")

    monkeypatch.setattr(service, "_serve", note)
    monkeypatch.setattr(runtime, "database", none)
    result = CliRunner().invoke(app, ["serve", *options], env=env)
    assert result.exit_code == 0, result.output
    assert seen == [expected]
