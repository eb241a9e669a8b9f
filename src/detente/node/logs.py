"""The node's log: one JSON line an event on standard error, of named fields only, tracebacks without values.

Values may be keys, texts or positions that were withheld, and a log is read by more people than a desk. So a field that
is not named here is left out and counted, and of an exception only its type and its place in the program are told.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

FIELDS: Final = frozenset(
    {"event", "level", "timestamp", "fault", "given", "exception", "feed", "peer", "origin", "count", "set_by_s", "why"}
)

_WRITTEN_TO_A_CLOSED_LINE: Final = "socket.send() raised exception."
"""What asyncio says of each write to a killed peer, from the fifth on; the link itself says that it is down."""


def set_up(file: TextIO | None = None) -> None:
    """Send events to *file*, or to standard error, as JSON lines, times in UTC; warnings of libraries too."""
    logging.lastResort = _Libraries(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _places_only,
            _named_only,
            structlog.processors.JSONRenderer(),
        ],
        # Asked for at each line: a stream that was put in its place and closed must not take the node with it.
        logger_factory=lambda *_: structlog.PrintLogger(file or sys.stderr),
    )


class _Libraries(logging.Handler):
    """What a library warns of: its own words, the first line of them, and of an exception the type and the place."""

    def emit(self, record: logging.LogRecord) -> None:
        # Not `getMessage`: what is put into the words is a value. After the first line asyncio shows objects whole.
        words = str(record.msg).partition("\n")[0]
        if words != _WRITTEN_TO_A_CLOSED_LINE:
            words = words.partition("(")[0]  # of a callback asyncio shows the arguments too
            log = structlog.get_logger()
            log.log(
                record.levelno, record.name, fault=words, **({"exc_info": record.exc_info} if record.exc_info else {})
            )


def _places_only(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace exception information by types and places: a message may quote what must not be read here."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    fault: Any = found[1] if isinstance(found, tuple) else found
    if isinstance(fault, BaseException):
        event["exception"] = "".join([*_places(fault.__traceback__), type(fault).__name__])
    return event


def _places(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} in {frame.name}\n" for frame in traceback.extract_tb(trace)]


def _named_only(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    kept = {name: value for name, value in event.items() if name in FIELDS}
    return kept if len(kept) == len(event) else kept | {"left_out": len(event) - len(kept)}
