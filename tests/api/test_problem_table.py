# SPDX-License-Identifier: Apache-2.0
"""Every error of the program has its row: a status, an English title, a French one."""

import importlib
import pkgutil

import pytest

import api
import desmos_fast
from api.titles import FAULTS_FR, PROBLEMS
from desmos_fast.base.errors import Conflict, DesmosError, InvalidInput, OutsideFailed


def every_error() -> list[type[DesmosError]]:
    """Import every module of the two packages that raise, then list the subclasses of the root."""
    for package in (desmos_fast, api):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    found: list[type[DesmosError]] = []
    waiting = [DesmosError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind.__module__.startswith(("desmos_fast.", "api.")):
            found.append(kind)
    return sorted(set(found), key=lambda kind: (kind.__module__, kind.__qualname__))


def test_every_error_of_ours_has_a_status() -> None:
    missing = {f"{kind.__module__}.{kind.__qualname__}: {kind.code}" for kind in every_error() if kind.code not in PROBLEMS}
    assert missing == set()


def test_a_status_agrees_with_its_branch() -> None:
    for kind in every_error():
        status = PROBLEMS[kind.code].status
        if issubclass(kind, InvalidInput):
            assert 400 <= status < 500, kind
        elif issubclass(kind, Conflict):
            assert status in (409, 422), kind
        elif issubclass(kind, OutsideFailed):
            assert status in (503, 504, 507), kind


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_titles_are_said_in_both_languages(code: str) -> None:
    title = PROBLEMS[code]
    assert title.en and title.fr and title.en != title.fr
    assert code == code.lower() and " " not in code


def test_every_fault_code_of_the_packs_is_said_in_french() -> None:
    assert all(text for text in FAULTS_FR.values())
