# SPDX-License-Identifier: Apache-2.0
"""Every error of the agent has its row among the titles, in both languages, and its line in the reference."""

from pathlib import Path
from typing import Final

import pytest

from api.titles import PROBLEMS
from readers import errors

ROOT: Final = Path(__file__).parents[2]
ALL: Final = sorted({kind.code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ReaderError)})


# What is wrong with the program itself, of which the service hears as a reader that failed.
OF_THE_PROGRAM: Final = {"pcsc_library", "pcsc_refused"}


@pytest.mark.parametrize("code", sorted({*ALL} - OF_THE_PROGRAM))
def test_an_error_is_said_in_both_languages(code: str) -> None:
    assert PROBLEMS[code].status == 503
    assert PROBLEMS[code].fr != PROBLEMS[code].en


def test_an_error_that_a_reading_may_end_with_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "agent.md").read_text(encoding="utf-8")
    assert not [code for code in ALL if code != "reader_failed" and f"`{code.upper()}`" not in page]


def test_there_are_as_many_as_one_thinks() -> None:
    assert len(ALL) == 20
