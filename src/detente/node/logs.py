"""The node's log: one JSON line an event on standard error, tracebacks without the values of variables.

Values may be keys, texts or positions that were withheld, and a log is read by more people than a desk.
"""

from __future__ import annotations

import sys

import structlog


def set_up() -> None:
    """Send structlog's events to standard error as JSON lines, times in UTC."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        # Asked for at each line: a stream that was put in its place and closed must not take the node with it.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
