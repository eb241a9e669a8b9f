"""Text that people write for people: what shows, and nothing that hides."""

from __future__ import annotations

import unicodedata
from typing import Final

from detente.errors import OrderRefused

TEXT_LIMIT: Final = 2_000
"""Characters of one free text; a longer one is refused."""


def plain_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return *text* in Unicode normal form C; raises OrderRefused on what is empty, too long or hidden.

    Control and format characters are refused, not removed: they can hide words, reverse them, or drive a terminal. The
    line feed alone is allowed. Source: threat-model.md, row 17.
    """
    normal = unicodedata.normalize("NFC", text)
    if not normal.strip():
        raise OrderRefused("text_empty", "the text is empty")
    if len(normal) > limit:
        raise OrderRefused("text_too_long", f"the text has {len(normal)} characters; at most {limit} are sent")
    for at, char in enumerate(normal):
        # Cc control, Cf format (all bidirectional and zero-width marks), Cs, Co, Cn no character, Zl and Zp separators.
        if char != "\n" and (unicodedata.category(char).startswith("C") or char in "\u2028\u2029"):
            raise OrderRefused(
                "text_hidden_character",
                f"character {at + 1} (U+{ord(char):04X}) does not show; remove it and send again",
            )
    return normal


def is_plain(text: str, limit: int = TEXT_LIMIT) -> bool:
    """Whether *text*, as received, is in normal form C and holds nothing that does not show."""
    try:
        return plain_text(text, limit) == text
    except OrderRefused:
        return False
