"""Who broke the rule: us, a peer, a feed or the configuration. One type each, so that a caller can tell.

A fault is raised or returned, never logged and forgotten. Its text is one line that says what was wrong
and, where it can, what would be right.
"""

from __future__ import annotations


class DetenteError(Exception):
    """Any fault this project raises on purpose."""


class OwnFault(DetenteError):
    """A caller of ours asked for something the rules refuse."""


class PeerFault(DetenteError):
    """A peer sent what the protocol refuses. Keeps the bytes as received, as proof."""

    def __init__(self, reason: str, raw: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.raw = raw


class FeedFault(DetenteError):
    """A recording or a sensor's stream cannot be read at all. (One bad plot is counted, not raised.)"""


class ConfigError(DetenteError):
    """The configuration is refused; names the key's path."""


class OrderRefused(DetenteError):
    """An operator's order was refused: *code* is from a closed list, *reason* is for the desk."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
