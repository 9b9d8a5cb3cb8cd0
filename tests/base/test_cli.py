# SPDX-License-Identifier: Apache-2.0
"""The exit statuses of the program, and that no traceback reaches its user."""

from collections.abc import Callable

import pytest

from desmos_fast import cli
from desmos_fast.base.errors import Conflict, InvalidInput, OutsideFailed

NIR = "255089999900095"


def fail(error: BaseException) -> Callable[..., None]:
    """Return an app that fails."""

    def app(**_: object) -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InvalidInput("bad", hint="do that"), 1, "desmos-fast: bad\n  do that\n"),
        (OutsideFailed("away"), 3, "desmos-fast: away\n"),
        (Conflict("taken"), 3, "desmos-fast: taken\n"),
        (BrokenPipeError(), 3, ""),
    ],
)
def test_errors_of_ours_end_with_a_sentence(
    error: Exception, status: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", fail(error))
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert (left.value.code, capsys.readouterr().err) == (status, said)


def test_an_error_that_nobody_foresaw_tells_its_place_and_not_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", fail(KeyError(NIR)))
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = capsys.readouterr().err
    assert left.value.code == 3
    assert said.startswith("desmos-fast: a fault of this program: KeyError in ") and "test_cli.py, line " in said
    assert NIR not in said and "Traceback" not in said
