"""What leaves: the picture under a policy becomes a frame for one peer, built anew from allowed fields.

Nothing is stripped from a track; an item starts empty and takes what a rule gives. All of this happens before ids,
counts and leaves, so that a hidden track leaves no gap in anything that is sent. What was withheld is counted by
reason, for our own desk only.

Never released, whatever a policy says: another party's tracks (they are its to give), tracks for which another stands,
and coasted or stale tracks (their position is ours, not a sensor's).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from detente.detect.zone import Zone
from detente.errors import OwnFault
from detente.feeds.plot import UNKNOWN_GROUND, UNKNOWN_SQUAWK
from detente.picture.picture import Mark, Tracks
from detente.release.circumstances import UNKNOWN_CIRCUMSTANCES, Circumstances
from detente.release.match import Matcher, Rows
from detente.release.place import snapped
from detente.release.policy import Give, Policy
from detente.types import NS_PER_MS, NS_PER_S, Instant, PartyId
from detente.units import DEG_PER_RAD, M_PER_FT, RAD_PER_DEG

ITEM: Final = np.dtype(
    [
        ("ref", "i8"),  # how this peer may name the track; random to it, another for each peer and each flight
        ("at_ms", "i8"),  # time of applicability of the position, UTC
        ("latitude_e7", "i4"),  # 1e-7 degree, WGS 84
        ("longitude_e7", "i4"),
        ("precision_m", "i4"),  # one standard deviation, or the grid's cell where the position is coarse
        ("altitude_ft", "i4"),  # pressure altitude
        ("v_east_cmps", "i4"),
        ("v_north_cmps", "i4"),
        ("v_up_cmps", "i4"),
        ("callsign", "S8"),
        ("identity", "S16"),
        ("squawk", "i4"),
        ("category", "S2"),
        ("is_ours", "i1"),  # 1 declared ours; 0 not told: not ours, or not said
        ("on_ground", "i1"),  # 1 yes, 0 no, -1 not told
        ("is_synthetic", "i1"),  # 1: no sensor saw it; a reconstruction or exercise says so wherever it goes
        ("is_assessed", "i1"),  # 0: our sensors' report of it could not be judged, so yours cannot either
    ]
)
"""One released track. An integer that is not told is UNTOLD, a text is empty."""

COLUMNS: Final = {
    "position": ("latitude_e7", "longitude_e7", "precision_m", "on_ground"),
    "altitude": ("altitude_ft",),
    "velocity": ("v_east_cmps", "v_north_cmps", "v_up_cmps"),
    "callsign": ("callsign",),
    "identity": ("identity",),
    "squawk": ("squawk",),
    "category": ("category",),
    "declaration": ("is_ours",),
}
"""What each field of a policy gives of an item."""

Items = npt.NDArray[np.void]
Refs = npt.NDArray[np.int64]
Decisions = npt.NDArray[np.int16]

UNTOLD: Final = -(2**31)

REF_BITS: Final = 52
"""So that a ref is an integer in any JSON reader."""

BY_DEFAULT: Final = -1
OTHERS: Final = -2
SECONDARY: Final = -3
COASTED: Final = -4
STALE: Final = -5
NO_POSITION: Final = -6
WAITING: Final = -7
FIXED: Final = {
    BY_DEFAULT: "no rule releases it",
    OTHERS: "another party's, its to give",
    SECONDARY: "another track stands for it",
    COASTED: "coasted",
    STALE: "stale",
    NO_POSITION: "no position",
    WAITING: "the delay has not passed",
}
"""Decisions that are no rule's, in the words of the desk and as keys of `Released.withheld`."""

HISTORY_STEPS: Final = 30
"""Snapshots kept of the tracks that a rule delays: a delay of 60 s is so served by positions 60 to 62 s old."""


@dataclass(frozen=True, slots=True)
class Released:
    """One frame for one peer."""

    peer: PartyId
    at: Instant
    items: Items  # (released,) ITEM, in order of ref, which tells nothing
    rows: Rows  # for each item the row of the picture it tells of; for our own desk
    numbers: npt.NDArray[np.uint32]  # for each item the track's number here; for our own desk
    is_exact: npt.NDArray[np.bool_]  # for each item: its position and altitude left neither coarse nor late
    withheld: dict[str, int]  # rule or reason → tracks; for our own desk, never sent
    decisions: Decisions  # for each row of the picture the rule that decided, or a key of FIXED
    policy: str  # digest

    @property
    def released(self) -> int:
        return len(self.items)

    def item(self, number: int) -> tuple[np.void, bool] | None:
        """Return what was told of the track *number* and whether that was exact; None when nothing was."""
        found = np.flatnonzero(self.numbers == number)
        return (self.items[found[0]], bool(self.is_exact[found[0]])) if found.size else None


@dataclass(frozen=True, slots=True)
class Why:
    """Why a track is told to a peer or not."""

    is_released: bool
    rule: int | None  # its number in the policy, from 0; None: none of its rules decided
    by: str  # the rule's name, or a word of FIXED
    why: str = ""  # as the rule says for its reader
    unknown: tuple[str, ...] = ()  # conditions that cannot be known, and so do not help it out
    give: Give | None = None

    @property
    def text(self) -> str:
        """In one line."""
        effect = "released" if self.is_released else "withheld"
        if self.rule is None:
            return f"{effect}: {self.by}"
        line = f"{effect}: rule {self.rule + 1} '{self.by}'" + (f" ({self.why})" if self.why else "")
        if self.give is not None:
            return f"{line}: {given(self.give)}"
        if self.unknown:
            are = "is" if len(self.unknown) == 1 else "are"
            return f"{line}; its {' and '.join(self.unknown)} {are} unknown, and what is unknown does not leave"
        return line


@dataclass(slots=True)
class _Peer:
    """What is remembered for one peer: the refs given out, and the delayed tracks of the last while."""

    key: bytes
    numbers: npt.NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, np.uint32))
    firsts: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    refs: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    history: list[tuple[Instant, Tracks, npt.NDArray[np.int16]]] = field(default_factory=list)


class Releaser:
    """One policy at work.

    keys: for each peer the secret of 16 to 64 bytes that its refs are made with; a peer without one is told nothing.
    Raises ConfigError when the policy names a line that no zone notifies, OwnFault on another key.
    """

    def __init__(self, policy: Policy, zones: Sequence[Zone], keys: Mapping[PartyId, bytes]) -> None:
        for peer, key in keys.items():
            if not 16 <= len(key) <= 64:
                raise OwnFault(f"the key for {peer}'s track refs has {len(key)} bytes; 16 to 64 are needed")
        self.policy = policy
        self.digest = policy.digest
        self._zones = zones
        self._matcher = Matcher(policy, zones)
        self._peers = {peer: _Peer(key) for peer, key in keys.items()}
        self._gives = [rule.give if rule.effect == "release" else None for rule in policy.rule]
        self._by_give = _rules_by_give(self._gives)
        self._delaying = {i: give for i, give in enumerate(self._gives) if give is not None and _is_late(give)}
        self._longest_s = max((give.delay_s + give.every_s for give in self._delaying.values()), default=0)
        self._slots_s = {give.every_s for give in self._delaying.values() if give.every_s}

    def under(self, policy: Policy) -> Releaser:
        """Return another *policy* at work for the same peers, under the same refs; raises ConfigError.

        What it delays begins to wait anew: nothing leaves earlier for a change of policy.
        """
        return Releaser(policy, self._zones, {peer: known.key for peer, known in self._peers.items()})

    def frame(
        self, tracks: Tracks, peer: PartyId, now: Instant, circumstances: Circumstances = UNKNOWN_CIRCUMSTANCES
    ) -> Released:
        """Return what *peer* is told of *tracks* at *now*, and remember what a rule delays."""
        return self.frames(tracks, (peer,), now, circumstances)[peer]

    def frames(
        self,
        tracks: Tracks,
        peers: Sequence[PartyId],
        now: Instant,
        circumstances: Circumstances = UNKNOWN_CIRCUMSTANCES,
    ) -> dict[PartyId, Released]:
        """Return the frame of each of *peers*; the rules are asked once for all."""
        decided, whole = self._decided(tracks, peers, now, circumstances), _whole_items(tracks)
        frames = {}
        for peer, decisions in zip(peers, decided, strict=True):
            self._keep(tracks, peer, decisions, now)
            frames[peer] = self._built(tracks, peer, decisions, now, whole)
        return frames

    def preview(
        self, tracks: Tracks, peer: PartyId, now: Instant, circumstances: Circumstances = UNKNOWN_CIRCUMSTANCES
    ) -> Released:
        """Return just what `frame` would, and remember nothing."""
        (decisions,) = self._decided(tracks, (peer,), now, circumstances)
        return self._built(tracks, peer, decisions, now, _whole_items(tracks))

    def explain(
        self, track: Tracks, peer: PartyId, now: Instant, circumstances: Circumstances = UNKNOWN_CIRCUMSTANCES
    ) -> str:
        """Return one line that says why the one track in *track* (a slice of one row) is told to *peer* or not."""
        return self.reason(track, peer, now, circumstances).text

    def reason(
        self, track: Tracks, peer: PartyId, now: Instant, circumstances: Circumstances = UNKNOWN_CIRCUMSTANCES
    ) -> Why:
        """Return why the one track in *track* (a slice of one row) is told to *peer* or not, in parts."""
        frame = self.preview(track, peer, now, circumstances)
        decision = int(frame.decisions[0])
        if decision < 0:
            return Why(False, None, FIXED[decision])
        rule = self.policy.rule[decision]
        unknown = self._matcher.unknown(decision, track, peer, now, circumstances) if rule.give is None else []
        return Why(rule.give is not None, decision, rule.name, rule.why, tuple(unknown), rule.give)

    def _decided(
        self, tracks: Tracks, peers: Sequence[PartyId], now: Instant, circumstances: Circumstances
    ) -> npt.NDArray[np.int16]:
        decisions = self._matcher.decided(tracks, peers, now, circumstances, BY_DEFAULT)
        flags = tracks["flags"]
        decisions[:, np.isnan(tracks["latitude_rad"]) | np.isnan(tracks["longitude_rad"])] = NO_POSITION
        decisions[:, (flags & Mark.COASTED) != 0] = COASTED
        decisions[:, (flags & Mark.STALE) != 0] = STALE
        decisions[:, (flags & Mark.SECONDARY) != 0] = SECONDARY
        decisions[:, tracks["party"] != 0] = OTHERS
        for peer, row in zip(peers, decisions, strict=True):
            if peer not in self._peers:
                row[row >= 0] = BY_DEFAULT
        return decisions

    def _built(self, tracks: Tracks, peer: PartyId, decisions: Decisions, now: Instant, whole: Items) -> Released:
        parts = []  # what is given, to which rows of the picture, from which rows of which source
        for give, rules in self._by_give.items():
            if not _is_late(give):
                rows = np.flatnonzero(rules[decisions])
                parts.append((give, rows, whole, rows))
        for rule, give in self._delaying.items():
            rows = np.flatnonzero(decisions == rule)
            if rows.size:
                source, is_old_enough = self._as_of(tracks[rows], peer, rule, _told_as_of(give, now))
                decisions[rows[~is_old_enough]] = WAITING
                parts.append((give, rows[is_old_enough], _whole_items(source), np.flatnonzero(is_old_enough)))
        rows = np.concatenate([part[1] for part in parts]) if parts else np.empty(0, np.int64)
        refs = self._refs(tracks["number"][rows], tracks["first_at_ns"][rows], peer)
        order = np.argsort(refs)
        rows, refs = rows[order], refs[order]
        place = np.full(len(tracks), -1)
        place[rows] = np.arange(len(rows))
        items = _empty(len(rows))
        items["ref"] = refs
        is_exact = np.zeros(len(rows), np.bool_)
        for give, told, source_items, source_rows in parts:
            _give(items, place[told], source_items, source_rows, give)
            is_exact[place[told]] = _is_exact(give)
        return Released(
            peer=peer,
            at=now,
            items=items,
            rows=rows,
            numbers=tracks["number"][rows],
            is_exact=is_exact,
            withheld=self._counted(decisions[place < 0]),
            decisions=decisions,
            policy=self.digest,
        )

    def _counted(self, decisions: Decisions) -> dict[str, int]:
        values, counts = np.unique(decisions, return_counts=True)
        return {
            FIXED[value] if value < 0 else self.policy.rule[value].name: count
            for value, count in zip(values.tolist(), counts.tolist(), strict=True)
        }

    def _refs(self, numbers: npt.NDArray[np.uint32], firsts: npt.NDArray[np.int64], peer: PartyId) -> Refs:
        """Return the refs of these tracks. Refs of tracks not told are forgotten; they come out the same again."""
        known = self._peers.get(peer)
        if known is None:
            return np.empty(0, np.int64)
        refs = np.empty(len(numbers), np.int64)
        is_known = np.zeros(len(numbers), np.bool_)
        if len(known.numbers):
            where = np.minimum(np.searchsorted(known.numbers, numbers), len(known.numbers) - 1)
            is_known = (known.numbers[where] == numbers) & (known.firsts[where] == firsts)
            refs[is_known] = known.refs[where[is_known]]
        for i in np.flatnonzero(~is_known):
            refs[i] = _ref(known.key, int(numbers[i]), int(firsts[i]))
        order = np.argsort(numbers)
        known.numbers, known.firsts, known.refs = numbers[order], firsts[order], refs[order]
        return refs

    def _keep(self, tracks: Tracks, peer: PartyId, decisions: Decisions, now: Instant) -> None:
        if not self._longest_s or peer not in self._peers:
            return
        history = self._peers[peer].history
        step = self._longest_s * NS_PER_S // HISTORY_STEPS
        # The end of the second, so that a position counts as no older than it is.
        at = Instant(-(-now // NS_PER_S) * NS_PER_S)
        is_slot = any(at // NS_PER_S % every_s == 0 for every_s in self._slots_s)
        if history and (at == history[-1][0] or (not is_slot and 0 <= at - history[-1][0] < step)):
            return
        rows = np.isin(decisions, list(self._delaying))
        history.append((at, tracks[rows], decisions[rows]))
        # One snapshot older than the longest delay must stay, or nothing would ever be old enough.
        while len(history) > 1 and history[1][0] <= now - self._longest_s * NS_PER_S:
            del history[0]

    def _as_of(self, tracks: Tracks, peer: PartyId, rule: int, then: Instant) -> tuple[Tracks, npt.NDArray[np.bool_]]:
        """Return *tracks* as they stood at *then*, and which of them stood under the same *rule* there.

        A track that another rule decided then is not told: its way out of a hidden place would show the place.
        """
        was = next(((old, by) for at, old, by in reversed(self._peers[peer].history) if at <= then), None)
        if was is None:
            return tracks, np.zeros(len(tracks), np.bool_)
        old = was[0][was[1] == rule]
        if not len(old):
            return tracks, np.zeros(len(tracks), np.bool_)
        old = old[np.argsort(old["number"])]
        where = np.minimum(np.searchsorted(old["number"], tracks["number"]), len(old) - 1)
        is_same = (old["number"][where] == tracks["number"]) & (old["first_at_ns"][where] == tracks["first_at_ns"])
        return old[where], is_same


def given(give: Give) -> str:
    """Return *give* in words."""
    words = []
    for name in give.fields:
        if name == "position" and give.position_grid_m:
            words.append(f"position to {give.position_grid_m} m")
        elif name == "altitude" and give.altitude_step_ft:
            words.append(f"altitude to {give.altitude_step_ft} ft")
        else:
            words.append(name)
    late = f", {give.delay_s} s late" if give.delay_s else ""
    return ", ".join(words) + late + (f", each {give.every_s} s" if give.every_s else "")


def _is_late(give: Give) -> bool:
    return bool(give.delay_s or give.every_s)


def _told_as_of(give: Give, now: Instant) -> Instant:
    """Return the instant whose picture is told at *now*: so late, and the newest of those on a fixed grid of time.

    The grid does not depend on the track, or when a new position comes would tell when a rule began to fit.
    """
    then = (now - give.delay_s * NS_PER_S) // NS_PER_S
    return Instant((then // give.every_s * give.every_s if give.every_s else then) * NS_PER_S)


def _rules_by_give(gives: list[Give | None]) -> dict[Give, npt.NDArray[np.bool_]]:
    """Return each distinct thing given with the decisions that give it, as a table to look decisions up in.

    The table is longer than the rules by the keys of FIXED, which stand at its end and give nothing.
    """
    table: dict[Give, npt.NDArray[np.bool_]] = {}
    for i, give in enumerate(gives):
        if give is not None:
            table.setdefault(give, np.zeros(len(gives) + len(FIXED), np.bool_))[i] = True
    return table


def _empty(n: int) -> Items:
    """Return *n* items that tell nothing."""
    items = np.zeros(n, ITEM)
    for name in ("precision_m", "altitude_ft", "v_east_cmps", "v_north_cmps", "v_up_cmps", "squawk"):
        items[name] = UNTOLD
    items["on_ground"] = -1
    return items


def _whole_items(tracks: Tracks) -> Items:
    """Return all that could be told of *tracks*, in the wire's integers. It never leaves; `_give` copies from it."""
    items = _empty(len(tracks))
    items["at_ms"] = tracks["applicable_at_ns"] // NS_PER_MS
    items["latitude_e7"] = _integers(tracks["latitude_rad"] * (DEG_PER_RAD * 1e7))
    items["longitude_e7"] = _integers(tracks["longitude_rad"] * (DEG_PER_RAD * 1e7))
    items["precision_m"] = _integers(np.ceil(tracks["position_sigma_m"]))
    items["altitude_ft"] = _integers(tracks["altitude_pressure_m"] / M_PER_FT)
    for name, column in (("v_east_cmps", "v_east_mps"), ("v_north_cmps", "v_north_mps"), ("v_up_cmps", "v_up_mps")):
        items[name] = _integers(tracks[column] * 100.0)
    for name in ("callsign", "identity", "category"):
        items[name] = tracks[name]
    squawk = tracks["squawk"].astype(np.int32)
    items["squawk"] = np.where(squawk == UNKNOWN_SQUAWK, UNTOLD, squawk)
    items["is_ours"] = tracks["declared_by"] == 0
    ground = tracks["on_ground"].astype(np.int16)
    items["on_ground"] = np.where(ground == UNKNOWN_GROUND, -1, ground)
    items["is_synthetic"] = (tracks["flags"] & np.uint32(Mark.SYNTHETIC)) != 0
    items["is_assessed"] = tracks["not_assessed"] == 0
    return items


def _give(items: Items, to: Rows, whole: Items, rows: Rows, give: Give) -> None:
    """Copy into *to* of *items* what *give* gives of *rows* of *whole*, and nothing else."""
    for name in ("at_ms", "is_synthetic", "is_assessed", *(column for told in give.fields for column in COLUMNS[told])):
        items[name][to] = whole[name][rows]
    if give.position_grid_m:
        per_e7 = RAD_PER_DEG * 1e-7
        where = whole["latitude_e7"][rows] * per_e7, whole["longitude_e7"][rows] * per_e7
        latitude, longitude = snapped(*where, give.position_grid_m)
        items["latitude_e7"][to] = _integers(latitude / per_e7)
        items["longitude_e7"][to] = _integers(longitude / per_e7)
        # On the ground is on a runway: that would tell the place in the cell.
        items["on_ground"][to] = -1
        # The sensor's own accuracy would tell two tracks in one cell apart.
        items["precision_m"][to] = give.position_grid_m
    if give.altitude_step_ft and "altitude" in give.fields:
        step, feet = give.altitude_step_ft, whole["altitude_ft"][rows].astype(np.int64)
        items["altitude_ft"][to] = np.where(feet == UNTOLD, UNTOLD, (feet + step // 2) // step * step)


def _is_exact(give: Give) -> bool:
    return not (_is_late(give) or give.position_grid_m or give.altitude_step_ft) and "altitude" in give.fields


def _integers(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return *values* rounded; what is unknown or beyond any aircraft is UNTOLD."""
    known = np.abs(values) < 2**31
    return np.where(known, np.rint(np.where(known, values, 0.0)), UNTOLD).astype(np.int64)


def _ref(key: bytes, number: int, first_at_ns: int) -> int:
    """Return the name of one flight's track for one peer. Keyed BLAKE2b is a message authentication code (RFC 7693)."""
    code = hashlib.blake2b(
        number.to_bytes(4, "big") + first_at_ns.to_bytes(8, "big", signed=True), key=key, digest_size=8
    )
    return int.from_bytes(code.digest(), "big") >> (64 - REF_BITS)
