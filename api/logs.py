# SPDX-License-Identifier: Apache-2.0
"""JSON lines on one stream, with every NIR hidden twice: by type on the way in, by pattern on the way out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import IO, Any, Final, cast

import msgspec
import orjson
import structlog

from desmos_fast.base.identifiers import mask_nir, nir_is_valid

MASK: Final = "***************"
LEVELS: Final = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_told_from = logging.NOTSET
_GAP: Final = r"[ .:\-_/\u00a0\u202f]?"
_SPACED: Final = re.compile(
    rf"(?<![0-9A-Za-z])[1-478]{_GAP}[0-9]{{2}}{_GAP}[0-9]{{2}}{_GAP}(?:[0-9]{{2}}|2[ABab]){_GAP}[0-9]{{3}}{_GAP}[0-9]{{3}}(?:{_GAP}[0-9]{{2}})?(?![0-9A-Za-z])"
)
_LONG_RUN: Final = re.compile(r"[0-9ABab]{16,}")


def _mask_windows(found: re.Match[str]) -> str:
    """Hide each valid NIR inside one long run, such as a record that was pasted whole."""
    run = found.group().upper()
    hidden = list(found.group())
    for start in range(len(run) - 14):
        if nir_is_valid(run[start : start + 15]):
            hidden[start : start + 15] = MASK
    return "".join(hidden)


def mask_text(text: str) -> str:
    """Hide every NIR in a text: alone, with its groups spaced, or inside a longer run of characters."""
    return _LONG_RUN.sub(_mask_windows, _SPACED.sub(MASK, mask_nir(text)))


def mask_value(value: object) -> object:
    """Hide NIRs in a value that goes to a log: text by pattern, our own objects by type (only their name is kept)."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, bool | float) or value is None:
        return value
    if isinstance(value, int):
        return mask_text(str(value)) if abs(value) >= 10**12 else value
    if isinstance(value, dict):
        return {mask_text(str(key)): mask_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(item) for item in value]
    if isinstance(value, msgspec.Struct | bytes | bytearray | memoryview):
        return f"<{type(value).__name__}>"
    return mask_text(str(value))


def _mask_event(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: mask_value(value) for key, value in event.items()}


def _render(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(event).decode()


class _MaskingHandler(logging.StreamHandler[IO[str]]):
    """What libraries log through the standard library takes the same shape and the same masks."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {"event": record.getMessage(), "level": record.levelname.lower(), "logger": record.name}
        if record.exc_info:
            event["exception"] = logging.Formatter().formatException(record.exc_info)
        return _render(None, "", _mask_event(None, "", event))


def is_told(level: str) -> bool:
    """Say whether events of a level are written at all: what they hold need not be put together otherwise."""
    return LEVELS[level] >= _told_from


def configure(level: str = "warning", stream: IO[str] | None = None) -> None:
    """Send this process's logs, ours and those of libraries, to `stream` (standard error) from `level` up."""
    global _told_from
    target = sys.stderr if stream is None else stream
    threshold = _told_from = LEVELS[level]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _mask_event,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(cast("Any", target)),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_MaskingHandler(target)]
    root.setLevel(max(threshold, logging.WARNING))
