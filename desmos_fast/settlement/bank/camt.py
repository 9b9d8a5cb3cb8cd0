# SPDX-License-Identifier: Apache-2.0
"""camt.053 statements and camt.054 notifications, every version, read as a stream: what is kept is one entry at a time.

A namespace is not looked at, so that none and that of any version do. Balances are not controlled. Refused: a document type, whatever is
nested too deep or too large for one entry, and other messages.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final, cast

import msgspec
from lxml import etree

from desmos_fast.base.types import Cents
from desmos_fast.settlement.bank.camt_entries import Account, amount_of, child, date_of, entry_lines, text_at
from desmos_fast.settlement.bank.camt_nodes import Node, line_of, load, name_of
from desmos_fast.settlement.bank.input import Found, blocks_of, hash_of, refuse
from desmos_fast.settlement.bank.model import BankLine, BankRefused, Block

# More bytes than these without the end of an entry are no statement of an account.
LARGEST_ENTRY: Final = 32 << 20
_FORMATS: Final = {"Stmt": "camt.053", "Ntfctn": "camt.054"}
_EVENTS: Final = [f"{{*}}{name}" for name in ("Document", "Stmt", "Ntfctn", "Rpt", "Ntry")]
_ENCODE: Final = msgspec.json.Encoder().encode_lines
_AGAIN: Final = "ask the bank for the file again"
_OTHER: Final = "ask the bank for the statement in camt.053 or camt.054"


def lines(source: BinaryIO, found: Found) -> Iterator[bytes]:
    """Give the lines of a statement as JSON, entry by entry; nothing of them holds before the last one came.

    Raises BankRefused with the first fault.
    """
    found.sha256 = hash_of(source)
    reader = _Reader(found)
    try:
        for data in blocks_of(source):
            some = reader.feed(data)
            if some:
                yield _ENCODE(some)
        reader.close()
    except etree.XMLSyntaxError as error:
        line, column = error.position
        refuse("BANK_XML", f"the file is no sound XML: {_reason(error)}", _AGAIN, line, max(1, column))


def _reason(error: etree.XMLSyntaxError) -> str:
    # The parser may quote what it met: only the kind of its complaint is told.
    return _kind(cast(Any, error).code)


def _kind(code: int) -> str:
    return str(cast(Any, etree.ErrorTypes)._getName(code, "unreadable")).removeprefix("ERR_").replace("_", " ").lower()


class _Reader:
    """One file: the account of the statement at hand, and how far its last entry lies back."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._parser = etree.XMLPullParser(
            events=("start", "end"), tag=_EVENTS, resolve_entities=False, load_dtd=False, no_network=True, dtd_validation=False,
            huge_tree=False, remove_comments=True, remove_pis=True,
        )  # fmt: skip
        self._begun = self._checked = False
        self._since = 0
        self._account = Account()

    def feed(self, data: bytes) -> list[BankLine]:
        """Read the next block and return the lines that are whole."""
        if not self._begun:
            data = data.lstrip() or b""
            self._begun = bool(data)
        self._since += len(data)
        if self._since > LARGEST_ENTRY:
            message = f"an entry, or what stands between two, has more than {LARGEST_ENTRY} bytes"
            refuse("BANK_TOO_LARGE", message, _AGAIN)
        some: list[BankLine] = []
        try:
            self._parser.feed(data)
        finally:
            # What stands before an unsound place counts before it, however the blocks are cut.
            for event, element in cast(Iterator[tuple[str, etree._Element]], self._parser.read_events()):
                self._see(event, element, some)
        self._check_sound()
        return some

    def _check_sound(self) -> None:
        # Of an entity that is not declared the parser says nothing before the end, and takes what comes next for another document.
        for error in cast(Any, self._parser).feed_error_log:
            if error.level == etree.ErrorLevels.FATAL or error.type == etree.ErrorTypes.ERR_UNDECLARED_ENTITY:
                refuse("BANK_XML", f"the file is no sound XML: {_kind(error.type)}", _AGAIN, error.line, max(1, error.column))

    def close(self) -> None:
        """Read to the end."""
        if not self._begun:
            refuse("BANK_EMPTY", "the file holds nothing", _AGAIN)
        self._parser.close()
        if not self._found.format:
            refuse("BANK_XML", "the file holds no statement (Stmt) and no notification (Ntfctn)", _OTHER, 1)

    def _see(self, event: str, element: etree._Element, some: list[BankLine]) -> None:
        if not self._checked:
            self._check_type(element)
        name = name_of(element)
        if name == "Rpt":
            refuse("BANK_XML", "the file is a camt.052: its movements may still change", _OTHER, line_of(element))
        elif event == "start" and name in _FORMATS:
            self._open(element, _FORMATS[name])
        elif event == "end" and name == "Ntry":
            self._entry(element, some)
        elif event == "end" and name in _FORMATS:
            self._close(element)

    def _check_type(self, element: etree._Element) -> None:
        # Of the entities that a document type declares nothing is ever taken; a statement has none.
        self._checked = True
        if cast(Any, element.getroottree().docinfo).doctype:
            refuse("BANK_XML", "the file has a document type (DOCTYPE), which no statement has", _AGAIN, 1)

    def _open(self, element: etree._Element, name: str) -> None:
        if self._found.format not in ("", name):
            refuse("BANK_XML", "the file holds statements and notifications", "give each in a file of its own", line_of(element))
        self._found.format = name
        self._account = Account(line_of(element))

    def _entry(self, element: etree._Element, some: list[BankLine]) -> None:
        if name_of(element.getparent()) not in _FORMATS:
            refuse("BANK_XML", "an entry (Ntry) stands outside of a statement", _AGAIN, line_of(element))
        self._head(element.itersiblings(preceding=True))
        if not self._account.name:
            refuse("BANK_XML", "a statement names no account (Acct/Id) before its entries", _AGAIN, line_of(element))
        read = entry_lines(load(element), self._account, self._found)
        self._found.lines += len(read)
        some += read
        _forget(element)
        self._since = 0

    def _close(self, element: etree._Element) -> None:
        self._head(element.iterchildren())
        held = self._account
        if not held.name:
            refuse("BANK_XML", "a statement names no account (Acct/Id)", _AGAIN, line_of(element))
        if held.opening is not None and held.closing is not None and held.opening[0] == held.closing[0]:
            (currency, opened, before), (_, closed, after) = held.opening, held.closing
            block = Block(
                account=held.name, currency=currency, opening_date=opened, opening=before, closing_date=closed, closing=after,
                line=held.line,
            )  # fmt: skip
            self._found.add_block(block)
        _forget(element)
        self._since = 0

    def _head(self, elements: Iterator[etree._Element]) -> None:
        for element in elements:
            name = name_of(element)
            if name == "Acct":
                self._account.name = _account_name(load(element))
            elif name == "Bal":
                _add_balance(self._account, load(element))


def _forget(element: etree._Element) -> None:
    """Empty an element that was read, and take away what stands before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and (before := element.getprevious()) is not None:
        parent.remove(before)


def _account_name(element: Node) -> str:
    found = text_at(element, "Id", "IBAN") or text_at(element, "Id", "Othr", "Id") or ""
    return "".join(found.split()).upper()


def _add_balance(account: Account, element: Node) -> None:
    # What cannot be read is left out: balances only tell where one statement goes on after another.
    kind = text_at(element, "Tp", "CdOrPrtry", "Cd")
    if kind not in ("OPBD", "PRCD", "CLBD"):
        return
    try:
        currency, amount = amount_of(element, "a balance")
        day = date_of(child(element, "Dt"), element, "a balance")
    except BankRefused:
        return
    signed = currency, day, Cents(-amount if text_at(element, "CdtDbtInd") == "DBIT" else amount)
    if kind == "CLBD":
        account.closing = signed
    elif account.opening is None:
        account.opening = signed
