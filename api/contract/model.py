# SPDX-License-Identifier: Apache-2.0
"""One operation of the API as the tables say it, and the shape of a problem."""

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
BYTES: Final = "application/octet-stream"
TEXT: Final = "text/plain"
# `try` writes, and with ?validate_only=true keeps nothing and needs no key; `ask` takes a body and never needs one; `open` is an `ask`
# of who is nobody yet.
Way = Literal["public", "open", "read", "ask", "write", "try"]
NEEDS_BODY: Final = frozenset({"open", "ask", "write", "try"})
# An invented centre, and an id that nothing has.
FINESS: Final = "750000010"
UNKNOWN: Final = "01a21227-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What stands in a table for one method of one path.

    `answer` is the Struct of a success in JSON and `media` the types it comes in, `tried` that of a trial; `body` is the Struct of the
    request, in the types of `body_media`.
    `problems` are the codes beside those that every operation of its `way` may answer.
    """

    method: str
    path: str
    way: Way
    tag: str
    answer: Any = None
    status: int = 200
    tried: Any = None
    body: Any = None
    empty: bool = False
    summary: str = ""
    media: tuple[str, ...] = (JSON,)
    body_media: tuple[str, ...] = (JSON,)
    problems: tuple[str, ...] = ()
    location: bool = False

    @property
    def name(self) -> tuple[str, str]:
        """Return what tells the operation."""
        return self.method, self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One request and the status of its answer.

    `{name}` in a path stands for what an earlier example kept: `keeps` says under which name, and by which key of its answer.
    """

    name: str
    summary: str
    method: str
    path: str
    status: int
    route: str = ""
    body: Any = None
    keeps: dict[str, str] = dataclasses.field(default_factory=dict)


class ProblemEntry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One fault: its code, where it is, and what stands there with any NIR hidden."""

    code: str
    pointer: str
    title_fr: str
    detail: str | None = None
    value: Any = None
    line: int | None = None
    invoice: Any = None
    record: Any = None
    offset: int | None = None
    record_type: str | None = None
    width: int | None = None
    position: Any = None
    hint: str | None = None
    expected: Any = None
    rule: str | None = None


class Problem(msgspec.Struct, kw_only=True):
    """Why a request was refused (RFC 9457); `code` is stable, the other texts may be reworded."""

    type: str
    title: str
    title_fr: str
    status: int
    code: str
    detail: str
    instance: str
    errors: list[ProblemEntry]


class Health(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Whether a process lives or is ready, and why not."""

    status: str
    reason: str | None = None


@functools.cache
def variant(kind: type[msgspec.Struct], name: str, /, **types: Any) -> type[msgspec.Struct]:
    """Return a Struct as another, for fields whose type says less than what stands there: raw JSON, or one of many rows."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(kind):
        given = types.get(field.name, field.type)
        if field.required:
            fields.append((field.name, given))
        else:
            fields.append((field.name, given, msgspec.field(default_factory=dict) if field.name in types else field.default))
    return msgspec.defstruct(
        name, fields, namespace={"__doc__": kind.__doc__}, kw_only=True, module=kind.__module__,
        forbid_unknown_fields=kind.__struct_config__.forbid_unknown_fields,
    )  # fmt: skip
