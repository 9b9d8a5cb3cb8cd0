# SPDX-License-Identifier: Apache-2.0
"""Invoices as columns: which there may be, and one row as the dictionary that JSON would have given."""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from desmos_fast.base.errors import InvalidInput
from desmos_fast.base.identifiers import mask_nir
from desmos_fast.billing import kernel
from desmos_fast.billing.wire import shown_name

# Lists are written without a separator: each element is as wide as it always is.
ELEMENTS: Final = {"modifiers": 1, "teeth": 2}
# Integers of 64 bits as `memoryview` names them, but for what says that they are packed, or of the order of bytes that kernels have.
LONGS: Final = ("l", "q")
PACKED: Final = "@=<^"
# So many acts may have no column at all; each is told to lack all its keys.
MOST_UNSEEN: Final = 1_000_000


class ColumnError(InvalidInput):
    """A column that no invoice has, or of another length or form than its key takes."""

    code = "invalid_input"


class Rows:
    """The columns of some invoices. Raises ColumnError for those that could not be read at all."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        unknown = sorted(map(str, columns.keys() - kernel.arrays().paths.keys() - {"acts"}))
        if unknown:
            name = shown_name(unknown[0])
            raise ColumnError(f"no key of the invoice is called {name!r}", hint="name columns by the paths of docs/reference/fse.md")
        if "acts" not in columns:
            raise ColumnError("the column 'acts' is missing", hint="it says where the acts of each invoice begin, and the end")
        self._columns = {path: _view(path, column) for path, column in columns.items() if path != "acts"}
        acts = _view("acts", columns["acts"])
        # A copy, aligned: places that another thread moves while they are followed would lead anywhere.
        whole = acts.ndim == 1 and acts.itemsize == 8 and acts.format.lstrip(PACKED) in LONGS
        self._acts = memoryview(acts.tobytes()).cast("q") if whole else acts
        if whole and self._acts[-1:] and self._acts[-1] > MOST_UNSEEN and not any(path.startswith("act.") for path in columns):
            raise ColumnError("the column 'acts' counts a million acts, and there is no column of acts")

    def encode(self, *args: Any) -> tuple[Any, ...]:
        """Encode the rows by the kernel; the arguments are those that follow the columns there."""
        try:
            return kernel.arrays().encode(self._columns, self._acts, *args)
        except (TypeError, ValueError, BufferError) as error:
            # A place of acts may be anything, a NIR too.
            raise ColumnError(mask_nir(str(error))) from None

    def mapping(self, row: int) -> dict[str, Any]:
        """Return a row as its JSON would be: what is empty is left out, so that defaults and faults are those of an absent key."""
        found: dict[str, Any] = {"acts": []}
        self._fill(found, row, lambda path: None if path.startswith("act.") else path)
        # Numbers and flags are never empty: an object with nothing but zeros is one that is not there.
        found = {key: value for key, value in found.items() if not isinstance(value, dict) or any(value.values())}
        for place in range(self._acts[row], self._acts[row + 1]):
            act: dict[str, Any] = {}
            self._fill(act, place, lambda path: path.removeprefix("act.") if path.startswith("act.") else None)
            alien = () if "grouping" in act else [key for key, value in act.items() if value == 0 and f"act.{key}" in kernel.of_ccam()]
            kept = {key: value for key, value in act.items() if key not in alien}
            found["acts"].append({"kind": "ccam" if "grouping" in act else "ngap", **kept})
        return found

    def _fill(self, item: dict[str, Any], row: int, name: Callable[[str], str | None]) -> None:
        for path, column in self._columns.items():
            key = name(path)
            value = None if key is None else _value(column, row)
            if key is None or value is None:
                continue
            *owners, last = key.split(".")
            inner = item
            for owner in owners:
                inner = inner.setdefault(owner, {})
            width = ELEMENTS.get(last)
            inner[last] = value if width is None else [value[at : at + width] for at in range(0, len(value), width)]


def _view(path: str, column: Any) -> memoryview:
    try:
        return memoryview(column)
    except (TypeError, ValueError, BufferError) as error:
        raise ColumnError(f"column {path} shows no memory that can be read: {type(column).__name__}") from error


def _value(column: memoryview, row: int) -> Any:
    """Return an entry, None for an empty text."""
    entry, form = column[row : row + 1].tobytes(), column.format[-1]
    if column.ndim == 2 or form in "sc":
        return entry.decode("utf-8", "replace").rstrip("\0 ") or None
    # A view reads no entry of a format with a byte order, the machine's own though it is.
    return any(entry) if form == "?" else int.from_bytes(entry, sys.byteorder, signed=form.islower())
