# SPDX-License-Identifier: Apache-2.0
"""The program that holds the licensed library (SSV), by ctypes. The standard library is all it needs: an interpreter of 32 bits may run it.

A test profile: names and arguments of the functions come from a public header of 2003, the rest of what a call means from nowhere.
"""

import csv
import ctypes
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from readers.apart.child import serve
from readers.apart.frames import DONE

STRINGS: Final = ("ps", "reader", "code", "date", "sesam_ini")
TYPES: Final[Mapping[str, Any]] = {
    **dict.fromkeys(STRINGS, ctypes.c_char_p),
    "zone_out": ctypes.POINTER(ctypes.c_void_p),
    "size_out": ctypes.POINTER(ctypes.c_size_t),
    "zone": ctypes.c_void_p,
}
CALLS: Final = ("start", "stop", "config", "read_ps", "read_rights", "free")
# A zone that says it is longer is none.
LARGEST: Final = 1 << 20


class Unfit(Exception):
    """The library, or the table of its functions, is not what it should be."""


def rows(table: Path, interface: str) -> dict[str, tuple[str, list[str]]]:
    """Return the export and the arguments of each call of an interface. Raises Unfit."""
    with table.open(encoding="utf-8", newline="") as file:
        found = {row["call"]: (row["export"], row["arguments"].split()) for row in csv.DictReader(file) if row["interface"] == interface}
    if wanting := [call for call in CALLS if call not in found]:
        raise Unfit(f"the table has no row for {', '.join(wanting)} of interface {interface}")
    if unknown := {kind for _, kinds in found.values() for kind in kinds} - {*TYPES}:
        raise Unfit(f"the table has arguments that are none: {', '.join(sorted(unknown))}")
    return found


def loader(convention: str, system: str = os.name) -> str:
    """Return which loader of ctypes a calling convention needs: only Windows has two."""
    return "WinDLL" if convention == "stdcall" and system == "nt" else "CDLL"


class Components:
    """The licensed library."""

    def __init__(self, library: str, convention: str, table: str, interface: str, sesam_ini: str) -> None:
        self._rows = rows(Path(table), interface)
        loaded = getattr(ctypes, loader(convention))(library)
        if wanting := [export for export, _ in self._rows.values() if not hasattr(loaded, export)]:
            raise Unfit(f"it does not export {', '.join(wanting)}")
        self._functions = {call: self._typed(getattr(loaded, export), call, kinds) for call, (export, kinds) in self._rows.items()}
        self._sesam_ini = bytearray(sesam_ini, "utf-8")
        self._started = False

    @staticmethod
    def _typed(function: Any, call: str, kinds: list[str]) -> Any:
        function.argtypes = [TYPES[kind] for kind in kinds]
        function.restype = None if call == "free" else ctypes.c_ushort
        return function

    def call(self, name: str, given: Mapping[str, bytearray]) -> list[bytes]:
        """Make one call, and return its zone or its status. Starts the components at the first."""
        if not self._started and name != "stop":
            if (status := self._one("start", {"sesam_ini": self._sesam_ini})[0]) != 0:
                return _status(status)
            self._started = True
        if name == "stop" and not self._started:
            return [DONE]
        status, zone = self._one(name, given)
        return [DONE, zone] if status == 0 else _status(status)

    def _one(self, name: str, given: Mapping[str, bytearray]) -> tuple[int, bytes]:
        zone, size = ctypes.c_void_p(), ctypes.c_size_t()
        texts = {kind: ctypes.create_string_buffer(bytes(text)) for kind, text in given.items()}
        told = {**texts, "zone_out": ctypes.byref(zone), "size_out": ctypes.byref(size)}
        try:
            status = int(self._functions[name](*(told[kind] for kind in self._rows[name][1])))
            return status, self._taken(zone, size.value) if status == 0 else b""
        finally:
            for text in texts.values():
                ctypes.memset(text, 0, len(text))

    def _taken(self, zone: ctypes.c_void_p, size: int) -> bytes:
        """Return what a zone holds, and give it back to whoever made it."""
        if not zone.value:
            return b""
        if size > LARGEST:
            raise Unfit("a zone is longer than any")
        found = ctypes.string_at(zone, size)
        self._functions["free"](zone)
        return found


def _status(status: int) -> list[bytes]:
    return [b"status", str(status).encode()]


def main() -> None:
    """Serve the calls of the agent, with the library that the command line names."""
    components: Components | None = None

    def answer(fields: list[bytearray]) -> Sequence[bytes]:
        nonlocal components
        name, *rest = fields
        try:
            components = components or Components(*sys.argv[1:])
            # To have loaded it, and to have found all that it must export, is an answer too.
            if name == b"library":
                return [DONE]
            return components.call(name.decode(), {rest[at].decode(): rest[at + 1] for at in range(0, len(rest), 2)})
        except (Unfit, OSError) as error:
            return [b"library", str(error).encode()]

    serve(answer)


if __name__ == "__main__":
    main()
