"""How anything is said to a peer: one function, so that everything said is a signed leaf and nothing else leaves."""

from __future__ import annotations

from typing import Protocol

from detente.engine.values import Effect
from detente.evidence.leaf import Kind, Lane
from detente.types import Instant, PartyId, Precedence
from detente.wire.messages import Body


class Speak(Protocol):
    """Says one thing to one peer.

    Returns the hash of its leaf and the effects that record and send it; None when it cannot be said now, which is
    counted and shown as a fault of that link, never dropped in silence.
    """

    def __call__(
        self,
        party: PartyId,
        lane: Lane,
        kind: Kind,
        *,
        precedence: Precedence,
        by: str,
        now: Instant,
        body: Body | None = None,
        items: tuple[bytes, ...] | None = None,
        re: tuple[str, ...] = (),
    ) -> tuple[bytes, list[Effect]] | None: ...
