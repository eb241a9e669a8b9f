"""Signatures of test keys, worked out once: verifying is pure, and two sides and a judge ask the same of each.

Only inside `shared`, which a simulation enters for one seed; the product has no such memory. What a test key has signed
there is known to verify; any other key, text and signature goes to the library, forged ones too. That the two libraries
agree on what a signature is, is for the tests of `evidence/` to show.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from detente.evidence.note import Vkey

_KEY_ID_LENGTH: Final = 4

_verifies = Vkey.verifies
_answers: dict[tuple[str, int, bytes, bytes, bytes], bool] = {}
_lines: dict[tuple[str, int, bytes, bytes, int], bytes] = {}
_is_shared = False


@contextmanager
def shared() -> Iterator[None]:
    """Remember signatures up to the end of the block, then forget them."""
    global _is_shared
    _is_shared, Vkey.verifies = True, _remembered  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        _is_shared, Vkey.verifies = False, _verifies  # type: ignore[method-assign]
        _answers.clear()
        _lines.clear()


def _remembered(vkey: Vkey, text: bytes, signature: bytes) -> bool:
    asked = (vkey.name, vkey.algorithm, vkey.public_key, text, signature)
    answer = _answers.get(asked)
    if answer is None:
        answer = _answers[asked] = _verifies(vkey, text, signature)
    return answer


def line_once(vkey: Vkey, text: bytes, at_s: int, sign: Callable[[], bytes]) -> bytes:
    """Return the signature line of *vkey* over *text* at *at_s* (0 where none is signed), made by *sign*."""
    if not _is_shared:
        return sign()
    asked = (vkey.name, vkey.algorithm, vkey.public_key, text, at_s)
    line = _lines.get(asked)
    if line is None:
        line = _lines[asked] = sign()
        signature = a2b_base64(line[len(vkey.line_start) :])[_KEY_ID_LENGTH:]
        _answers[vkey.name, vkey.algorithm, vkey.public_key, text, signature] = True
    return line
