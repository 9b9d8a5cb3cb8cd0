# SPDX-License-Identifier: Apache-2.0
"""The one root of every error we raise on purpose, and its four branches."""

from typing import ClassVar


class DesmosError(Exception):
    """An error with a stable snake_case `code`, one plain sentence, and what to do about it.

    `detail` and `hint` must never hold a NIR: they reach logs and HTTP answers.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, detail: str, *, hint: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


class InvalidInput(DesmosError):
    """What the caller gave cannot be accepted; giving it again will not help."""

    code = "invalid_input"


class NotThere(InvalidInput):
    """No such thing for this centre; another centre's things look the same."""

    code = "not_found"


class Conflict(DesmosError):
    """The request is sound but contradicts what is already recorded."""

    code = "conflict"


class OutsideFailed(DesmosError):
    """Something we depend on (database, network, reader) failed; a retry may succeed."""

    code = "outside_failed"


class OurBug(DesmosError):
    """An invariant of ours does not hold."""

    code = "internal"
