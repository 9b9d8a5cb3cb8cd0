# SPDX-License-Identifier: Apache-2.0
"""Stretches of time as pairs of whole seconds: joined, common, less others, counted."""

from collections.abc import Iterable, Iterator

Span = tuple[int, int]


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return what any of the stretches covers, in order, none touching another."""
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def common(left: Iterable[Span], right: list[Span]) -> Iterator[Span]:
    """Give what both cover; each is in order, and none of its stretches touches another."""
    for start, end in left:
        for since, until in right:
            if since < end and start < until:
                yield max(start, since), min(end, until)


def less(left: Iterable[Span], right: list[Span]) -> Iterator[Span]:
    """Give what the first covers and the second does not."""
    for start, end in left:
        for since, until in right:
            if since < end and start < until:
                if start < since:
                    yield start, since
                start = until
        if start < end:
            yield start, end


def total(spans: Iterable[Span]) -> int:
    """Return the seconds of stretches that do not touch."""
    return sum(end - start for start, end in spans)
