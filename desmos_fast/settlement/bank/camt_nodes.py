# SPDX-License-Identifier: Apache-2.0
"""Elements of XML taken out of their tree: names without namespace, texts on one line, the currency of amounts."""

from typing import Final, cast

from lxml import etree

from desmos_fast.settlement.bank.input import refuse

# The deepest path that is looked at has eight elements.
DEEPEST: Final = 24
_MOST_NAMES: Final = 2000


class _Names(dict[object, str]):
    """Names of elements without their namespaces, as many as real messages have."""

    def __missing__(self, tag: object) -> str:
        # What is no element has no name.
        name = tag.rpartition("}")[2] if isinstance(tag, str) else ""
        if len(self) < _MOST_NAMES:
            self[tag] = name
        return name


_NAMES: Final = _Names()


class Node:
    """An element: its name, its text (None when it is blank), its `Ccy` if it is an amount, its children, the line where it begins."""

    __slots__ = ("currency", "kids", "line", "name", "text")

    def __init__(self, name: str, text: str | None, currency: str, kids: list["Node"], line: int) -> None:
        self.name, self.text, self.currency, self.kids, self.line = name, text, currency, kids, line


def name_of(element: etree._Element | None) -> str:
    """Return the name of an element without its namespace, "" for none."""
    return "" if element is None else _NAMES[element.tag]


def line_of(element: etree._Element) -> int:
    """Return the line of the file in which an element begins."""
    return cast("int | None", element.sourceline) or 1


def load(element: etree._Element) -> Node:
    """Take an element and all that it holds. Raises BankRefused when it is nested too deep."""
    return _load(element, line_of(element), 0)


def _load(element: etree._Element, line: int, depth: int) -> Node:
    # One walk over all is several times as fast as a search for each; the line is that of the whole, which is enough to find it.
    if depth > DEEPEST:
        refuse("BANK_XML", f"elements are nested deeper than {DEEPEST}", "ask the bank for the file again", line)
    node = _leaf(element, line)
    node.kids = [_load(each, line, depth + 1) if len(each) else _leaf(each, line) for each in element]
    return node


def _leaf(element: etree._Element, line: int) -> Node:
    name, text = _NAMES[element.tag], element.text
    return Node(name, None if text is None else _clean(text), element.get("Ccy") or "" if name == "Amt" else "", [], line)


def _clean(text: str) -> str | None:
    return (" ".join(text.split("\n")) if "\n" in text else text).strip() or None
