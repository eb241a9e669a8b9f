"""How tracks are named: at our desk by callsign, on the link by what each side was told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from detente.desk.board import TrackRef
from detente.picture.picture import Mark
from detente.release.alerts import Named
from detente.surveillance import Surveillance
from detente.types import PartyId

MarkWord = Literal["", "RECONSTRUCTION", "EXERCISE", "SYNTHETIC"]


class Names:
    """The names of tracks; remembers those of tracks in alerts after they are gone."""

    def __init__(
        self, ids: Sequence[PartyId], watch: Surveillance, badges: Sequence[str], *, is_exercise: bool
    ) -> None:
        self._ids = ids
        self._own = ids[0]
        self._watch = watch
        self._is_exercise = is_exercise
        self._is_reconstruction = "RECONSTRUCTION" in badges
        self._names: dict[int, TrackRef] = {}
        self.theirs: dict[PartyId, dict[int, bytes]] = {party: {} for party in ids[1:]}  # ref it gave us → identity

    def label(self, number: int) -> TrackRef:
        """Return how the desk names our track *number*; the last name of one that is gone."""
        rows = np.flatnonzero(self._watch.tracks["number"] == number)
        if not rows.size:
            return self._names.get(number, TrackRef("?", None, number))
        track = self._watch.tracks[rows[0]]
        text = bytes(track["callsign"] or track["identity"]).decode("ascii", "replace") or "?"
        declared = int(track["declared_by"])
        party = self._ids[declared] if declared < len(self._ids) else None
        identity = bytes(track["identity"]).decode("ascii", "replace")
        self._names[number] = TrackRef(text, party, number, identity)
        return self._names[number]

    def named(self, party: PartyId, named: Named | None) -> TrackRef:
        """Return the track a peer's alert names, by our own number where we hold it."""
        if named is None:
            return TrackRef("not released to us", None)
        tracks = self._watch.tracks
        label = named.callsign or named.identity or "?"
        if named.is_yours:
            mine = (tracks["declared_by"] == 0) & (tracks["party"] == 0)
            mine &= (
                tracks["identity"] == named.identity.encode()
                if named.identity
                else tracks["callsign"] == named.callsign.encode()
            )
        else:
            identity = self.theirs[party].get(named.ref or 0, named.identity.encode() or b"?")
            mine = tracks["identity"] == identity
        held = np.flatnonzero(mine)
        if not held.size:
            return TrackRef(label, self._own if named.is_yours else None)
        # The track that is shown: one of these, or another that was found to be the same aircraft.
        first = held[int(np.argmin(tracks["same_as"][held] != 0))]
        return self.label(int(tracks["same_as"][first] or tracks["number"][first]))

    @property
    def synthetic(self) -> MarkWord:
        """What the screen says of tracks that no sensor ever saw."""
        return "RECONSTRUCTION" if self._is_reconstruction else "SYNTHETIC"

    def mark(self, *numbers: int) -> MarkWord:
        """Return what the screen says of an alert about these tracks."""
        rows = np.isin(self._watch.tracks["number"], [n for n in numbers if n])
        if (self._watch.tracks["flags"][rows] & np.uint32(Mark.SYNTHETIC)).any():
            return self.synthetic
        return "EXERCISE" if self._is_exercise else ""
