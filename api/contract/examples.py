# SPDX-License-Identifier: Apache-2.0
"""Requests that the description shows, in an order in which they can be sent one after the other to a new centre."""

from dataclasses import dataclass, field
from typing import Any, Final


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
    keeps: dict[str, str] = field(default_factory=dict)


EXAMPLES: Final[tuple[Example, ...]] = ()


def of_operation(method: str, path: str) -> list[Example]:
    """Return the examples of an operation."""
    return [one for one in EXAMPLES if (one.method, one.route or one.path) == (method, path)]
