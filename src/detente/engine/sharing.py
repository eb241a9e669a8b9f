"""Tracks across the link: our picture under the release policy out, once a second; the peers' frames in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detente.desk.frame import track_frame
from detente.engine.names import Names
from detente.engine.speech import Speak
from detente.engine.values import Effect, Setup, Show
from detente.errors import OrderRefused
from detente.evidence.leaf import Envelope, Kind, Lane, padded_items
from detente.link.session import Session
from detente.link.transitions import State
from detente.picture.motion import advanced
from detente.picture.picture import NOBODY, Mark, Tracks
from detente.release.circumstances import Circumstances, DeclaredActivity
from detente.release.release import FIXED, Released, Releaser, Why
from detente.types import NS_PER_S, Instant, PartyId, Precedence, instant_of_ms
from detente.wire.tracks import decode_frame, encode_items, identity_of, plots_of

FRAME_NS: Final = NS_PER_S
"""Frames leave on a fixed grid of one second, whatever there is to say (threat-model.md, row 49)."""

LEAVES_NS: Final = 3 * NS_PER_S // 10
"""How long after its second a frame leaves. It is made at the second; how long that takes, and what else its tick has
to do, depends on what is hidden, and is to be over by then."""

DOWN_FRAME_NS: Final = 10 * NS_PER_S
"""While a link is down its frames are thinned to this before they become leaves."""

LATE_NS: Final = 30 * NS_PER_S
"""A peer's frame older than this is part of the record and no longer of the picture."""

PEER_SOURCE: Final = 1_000
"""Source number of a peer's frames in our picture: this and its index in the table of parties."""

_BEFORE: Final = Instant(0)


@dataclass(slots=True)
class Exchange:
    """What goes to and comes from one peer."""

    index: int  # in the table of parties
    newest: Released | None = None  # our newest frame to it
    ready: tuple[bytes, ...] | None = None  # its lines, made and not yet sent
    frame_at: Instant = _BEFORE
    shared: int = 0  # tracks in its newest frame to us


class Sharing:
    """The exchange of tracks with every peer."""

    def __init__(
        self,
        setup: Setup,
        sessions: Mapping[PartyId, Session],
        names: Names,
        speak: Speak,
        flows: Callable[[PartyId], bool],
        arrangement: Callable[[PartyId], str],
    ) -> None:
        """*flows*: whether the arrangements with a party let the picture cross; *arrangement*: the narrowest state."""
        self._flows = flows
        self._arrangement = arrangement
        self.activities: Sequence[DeclaredActivity] = ()  # declared by anybody, for the rules that ask
        self.releaser = setup.releaser
        self.with_peer = {party.party: Exchange(i) for i, party in enumerate(setup.parties) if i}
        self._watch = setup.surveillance
        self._sessions = sessions
        self._names = names
        self._speak = speak
        self._frame_at = _BEFORE

    def added(self, party: PartyId, index: int) -> None:
        """There is one more peer, at *index* in the table of parties."""
        self.with_peer[party] = Exchange(index)

    def make(self, now: Instant) -> list[Effect]:
        """Make the frames that are due, the console's and one to each peer; nothing within a second of the last.

        The peers' are kept for `send`: how long it takes to make them depends on what is hidden.
        """
        if now // FRAME_NS == self._frame_at // FRAME_NS:
            return []
        self._frame_at = Instant(now // FRAME_NS * FRAME_NS)
        self._fill([party for party in self.with_peer if self._is_due(party, now)], now)
        return [Show(console_frame(self._watch.tracks, now))]

    def put_in_force(self, releaser: Releaser, now: Instant) -> None:
        """Release by *releaser* from now on; frames that wait to leave are made anew, and none is left out."""
        self.releaser = releaser
        self._fill([party for party, exchange in self.with_peer.items() if exchange.ready is not None], now)

    def _fill(self, parties: Sequence[PartyId], now: Instant) -> None:
        for party, released in self.releaser.frames(self._watch.tracks, parties, now, self.circumstances()).items():
            exchange = self.with_peer[party]
            exchange.newest, exchange.frame_at = released, now
            exchange.ready = padded_items(encode_items(released.items))

    def send(self, now: Instant) -> list[Effect]:
        """Return what sends the frames that were made, once it is time: before a tick looks at anything."""
        out: list[Effect] = []
        if 0 <= now - self._frame_at < LEAVES_NS:
            return out
        for party, exchange in self.with_peer.items():
            items, exchange.ready = exchange.ready, None
            # An arrangement may have been suspended since it was made.
            if items is None or not self.is_told(party) or not self._flows(party):
                continue
            said = self._speak(
                party, Lane.TRACK, Kind.TRACK, items=items, precedence=Precedence.ROUTINE, by="node", now=now
            )
            out += said[1] if said else [Show()]
        return out

    def is_told(self, party: PartyId) -> bool:
        """Whether anything at all may be told to *party*: not before its digits are confirmed."""
        return self._sessions[party].state is not State.UNVERIFIED

    def released_to(self, party: PartyId, now: Instant) -> Released:
        """Return what *party* is told of the picture as it was last judged, under the policy now in force.

        By an older frame an aircraft with a newer plot would count as released late.
        """
        newest = self.with_peer[party].newest
        if newest is None or newest.policy != self.releaser.digest or newest.at < self._watch.assessment.at:
            newest = self.with_peer[party].newest = self.previewed(self.releaser, party, now)
        return newest

    def previewed(self, releaser: Releaser, party: PartyId, now: Instant) -> Released:
        """Return what *party* would be told of the picture of now under *releaser*; nothing is remembered."""
        return releaser.preview(self._watch.tracks, party, now, self.circumstances())

    def label(self, row: int) -> str:
        """Return how the desk names the track at *row* of our picture."""
        return self._names.label(int(self._watch.tracks["number"][row])).label

    def circumstances(self) -> Circumstances:
        """Return how things stand with each peer, for the rules that ask."""
        return Circumstances(
            link={party: self._sessions[party].state.value for party in self.with_peer},
            arrangement={party: self._arrangement(party) for party in self.with_peer},
            activities=self.activities,
        )

    def reason(self, party: PartyId, number: int, now: Instant) -> Why | None:
        """Return why *party* is told of our track *number* or not; None when there is no such track."""
        tracks = self._watch.tracks
        rows = np.flatnonzero(tracks["number"] == number)
        if not rows.size:
            return None
        return self.releaser.reason(tracks[rows[:1]], party, now, self.circumstances())

    def heard(self, party: PartyId, envelope: Envelope, raw: bytes, now: Instant) -> bool:
        """Take a peer's frame into the picture, under the peer's name; returns whether it was still of use.

        Raises PeerFault for a body that is no frame.
        """
        items = decode_frame(raw)
        if now - instant_of_ms(envelope.ts) > LATE_NS:
            return False
        exchange = self.with_peer[party]
        exchange.shared = len(items)
        self._names.theirs[party] = {item.ref: identity_of(item) for item in items}
        plots, is_theirs, is_synthetic, is_assessed = plots_of(items)
        declared = np.where(is_theirs, exchange.index, NOBODY).astype(np.uint16)
        for synthetic in (False, True):
            some = is_synthetic == synthetic
            if some.any() or not synthetic:
                source = PEER_SOURCE + exchange.index
                self._watch.take(
                    exchange.index,
                    source,
                    plots[some],
                    now,
                    declared[some],
                    synthetic=synthetic,
                    is_assessed=is_assessed[some],
                )
        return True

    def preview(self, party: PartyId, now: Instant) -> tuple[bytes, list[tuple[str, str]]]:
        """Return what *party* would see now, as a console frame, and each withheld track's label and rule."""
        if party not in self.with_peer:
            raise OrderRefused("unknown_party", f"there is no party {party!r}")
        tracks = self._watch.tracks
        released = self.previewed(self.releaser, party, now)
        plots, is_ours, is_synthetic, _ = plots_of(
            decode_frame(b"".join(item + b"\n" for item in encode_items(released.items)))
        )
        shown = np.zeros(len(plots), tracks.dtype)
        for name in set(plots.dtype.names or ()) & set(tracks.dtype.names or ()):
            shown[name] = plots[name]
        shown["number"] = np.arange(1, len(plots) + 1)
        shown["declared_by"] = np.where(is_ours, 0, NOBODY)
        shown["flags"] = np.where(is_synthetic, np.uint32(Mark.SYNTHETIC), 0)
        frame = track_frame(shown, np.zeros(len(shown), np.uint8), now)
        rules = self.releaser.policy.rule
        withheld = [
            (self._names.label(int(tracks["number"][i])).label, FIXED[d] if d < 0 else rules[d].name)
            for i, d in enumerate(released.decisions.tolist())
            if (d < 0 or rules[d].give is None) and tracks["party"][i] == 0
        ]
        return frame, withheld

    def _is_due(self, party: PartyId, now: Instant) -> bool:
        is_down = self._sessions[party].state in {State.DOWN, State.FORK, State.ROLLBACK}
        is_due = not is_down or now - self.with_peer[party].frame_at >= DOWN_FRAME_NS
        return is_due and self.is_told(party) and self._flows(party)


def console_frame(tracks: Tracks, now: Instant) -> bytes:
    """Return the console's frame, brought to *now*: each aircraft with the other parties that hold it too.

    What another party holds of an aircraft comes with the number of the track that stands for it, so that the map can
    tie the two. A second track of the same party is nothing but an echo, and is left out.
    """
    is_secondary = (tracks["flags"] & np.uint32(Mark.SECONDARY)) != 0
    shown, others = tracks[~is_secondary], tracks[is_secondary]
    bits = np.zeros(len(shown), np.uint8)
    tied = np.zeros(len(others), bool)
    row_of = {number: row for row, number in enumerate(shown["number"].tolist())} if len(others) else {}
    parties = shown["party"].tolist() if len(others) else []
    for k, (number, party) in enumerate(zip(others["same_as"].tolist(), others["party"].tolist(), strict=True)):
        row = row_of.get(number)
        if row is not None and party < 8:
            bits[row] |= 1 << party
        tied[k] = row is not None and parties[row] != party
    seen = np.concatenate([shown, others[tied]])
    bits = np.concatenate([bits, np.zeros(int(tied.sum()), np.uint8)])
    return track_frame(advanced(seen, now), bits, now, seen["applicable_at_ns"])
