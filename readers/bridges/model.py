# SPDX-License-Identifier: Apache-2.0
"""A program, what it is told of a patient, and what may be refused."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from desmos_fast.base.errors import InvalidInput, OutsideFailed

Name = Annotated[str, Meta(min_length=1, max_length=100)]


class BridgeRefused(InvalidInput):
    """A program cannot be told of this patient, or not by us."""

    code = "invalid_input"


class BridgeFailed(OutsideFailed):
    """The program did not start, or its file cannot be written."""

    code = "outside_failed"


class ContextFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file that a program reads the patient from."""

    path: str
    text: str
    encoding: str
    escape: Literal["xml", "ini"]


class Bridge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One program. `protocol` is how it is told: only `arguments` and `file` are built."""

    id: str
    product: str
    kind: Literal["imaging", "orthodontics"]
    protocol: Literal["arguments", "file", "clipboard", "mailbox", "unknown"]
    confidence: Literal["medium", "low", "none"]
    source: str
    program: str = ""
    arguments: tuple[str, ...] = ()
    file: ContextFile | None = None


class Patient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is in the chair: the number that the centre knows them by, never the NIR."""

    number: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,32}\Z")]
    last_name: Name
    first_name: Name
    birth_date: Annotated[str, Meta(pattern=r"\A[0-9]{8}\Z")]
    gender: Literal["M", "F", "O"] = "O"

    def __repr__(self) -> str:
        """Tell nothing of anybody: a repr reaches logs and tracebacks."""
        return "Patient(...)"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be started, and written before. `tried` is false: no program of the list was ever started by us."""

    product: str
    program: str
    arguments: list[str]
    file: str | None
    text: str | None
    confidence: str
    tried: bool = False

    def __repr__(self) -> str:
        """Tell nothing of anybody."""
        return f"Plan({self.product!r})"


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the status of the program, null while it runs on; whether the file of the patient is gone."""

    product: str
    status: int | None
    removed: bool
