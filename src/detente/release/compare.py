"""Whether one policy lets out more than another: by their rules, and by what both make of one picture.

By their rules a policy is *narrower* only when that can be proved: each of its releases, for each reader, gives no more
than the other policy surely gives to the same tracks. What cannot be proved counts as wider. The picture proves
nothing, and shows who would gain what now.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from detente.picture.picture import Tracks
from detente.release.circumstances import UNKNOWN_CIRCUMSTANCES, Circumstances
from detente.release.lint import takes_all
from detente.release.policy import Give, Policy, Rule, When, categories_of
from detente.release.release import COLUMNS, UNTOLD, Released, Releaser
from detente.types import Instant, PartyId


def wider(new: Policy, old: Policy, readers: Collection[PartyId]) -> list[str]:
    """Return why *new* may let out more than *old*, one line a reason; empty: it is proved that it does not."""
    ours, theirs = _resolved(new), _resolved(old)
    why = []
    for reader in sorted(readers):
        now = [(rule, i) for i, rule in enumerate(ours) if rule.concerns(reader)]
        before = [rule for rule in theirs if rule.concerns(reader)]
        for at, (rule, i) in enumerate(now):
            if rule.give is not None:
                reason = _unproved(rule, [earlier for earlier, _ in now[:at]], before)
                if reason:
                    why.append(f"to {reader}: rule {i + 1} '{rule.name}' {reason}")
    known = {override.digest for override in old.safety_override}
    why += [
        f"safety_override '{override.name}' is new"
        for override in new.safety_override
        if override.digest not in known and set(override.between) & set(readers)
    ]
    return why


def _unproved(rule: Rule, earlier: Sequence[Rule], before: Sequence[Rule]) -> str:
    """Return why what *rule* releases was not surely released *before*; empty when it was. *earlier*: new ones."""
    assert rule.give is not None
    for old in before:
        if _is_apart(rule.when, old.when):
            continue
        if old.give is not None and _is_less(rule.give, old.give):
            if takes_all(old, rule):
                return ""
            continue
        # What the old rule kept back, or gave less of, this one must not see: an earlier new rule takes it.
        if not any(takes_all(one, old) for one in earlier):
            what = "was withheld" if old.give is None else "left with less"
            return f"releases what {what} by '{old.name}'"
    return "releases what no rule released before"


def _resolved(policy: Policy) -> list[Rule]:
    """Return the rules with each area under the name of its shape: two policies may give one name to two places."""
    shapes = {area.name: msgspec.json.encode((area.circle, area.polygon)).decode() for area in policy.area}
    found = []
    for rule in policy.rule:
        if rule.when.areas is None:
            found.append(rule)
        else:
            when = msgspec.structs.replace(rule.when, areas=[shapes[name] for name in rule.when.areas])
            found.append(msgspec.structs.replace(rule, when=when))
    return found


def _is_apart(one: When, other: When) -> bool:
    """Whether no track of which all that *one* asks is known can fit *other*; when in doubt one can."""
    if one.declared_by and other.declared_by and one.declared_by != other.declared_by:
        return True
    if one.emergency is not None and other.emergency is not None and one.emergency != other.emergency:
        return True
    bands = [
        (-np.inf if w.altitude_from_ft is None else w.altitude_from_ft, w.altitude_below_ft)
        for w in (one, other)
        if (w.altitude_from_ft, w.altitude_below_ft) != (None, None)
    ]
    if len(bands) == 2:
        (low, high), (low_too, high_too) = bands
        if (high is not None and high <= low_too) or (high_too is not None and high_too <= low):
            return True
    for name in ("identities", "callsigns"):
        if _are_apart(getattr(one, name), getattr(other, name)):
            return True
    if one.categories is not None and other.categories is not None:
        return not set(categories_of(one.categories)) & set(categories_of(other.categories))
    return False


def _are_apart(ones: list[str] | None, others: list[str] | None) -> bool:
    if ones is None or others is None:
        return False
    return not any(_overlap(one, other) for one in ones for other in others)


def _overlap(one: str, other: str) -> bool:
    stems = [(text.removesuffix("*"), text.endswith("*")) for text in (one, other)]
    (a, a_is_prefix), (b, b_is_prefix) = stems
    return (a == b) or (a_is_prefix and b.startswith(a)) or (b_is_prefix and a.startswith(b))


def _is_less(new: Give, old: Give) -> bool:
    """Whether whoever has what *old* gives could make what *new* gives of it; when in doubt not.

    Two grids, or two steps, of which neither is exact cut the world differently: together they tell more than either.
    """
    return (
        set(new.fields) <= set(old.fields)
        and old.position_grid_m in {0, new.position_grid_m}
        and old.altitude_step_ft in {0, new.altitude_step_ft}
        and new.delay_s >= old.delay_s
        and (not old.every_s or (new.every_s > 0 and new.every_s % old.every_s == 0))
    )


# --- on one picture


@dataclass(frozen=True, slots=True)
class Gain:
    """What one reader gains or loses of one track: fields in words; *gained* empty and *lost* not, it loses only."""

    row: int  # of the picture
    gained: tuple[str, ...]
    lost: tuple[str, ...]


def gains(
    new: Releaser,
    old: Releaser,
    tracks: Tracks,
    reader: PartyId,
    now: Instant,
    circumstances: Circumstances = UNKNOWN_CIRCUMSTANCES,
) -> list[Gain]:
    """Return of which *tracks* *reader* would be told something else by *new* than by *old*."""
    return gains_of(
        new, old, new.preview(tracks, reader, now, circumstances), old.preview(tracks, reader, now, circumstances)
    )


def gains_of(new: Releaser, old: Releaser, new_frame: Released, old_frame: Released) -> list[Gain]:
    """Return the same of two frames of one picture."""
    found = []
    n = len(new_frame.decisions)
    told = [_at_rows(frame, n) for frame in (new_frame, old_frame)]
    gives = [[rule.give for rule in releaser.policy.rule] for releaser in (new, old)]
    differs = (new_frame.decisions != old_frame.decisions) | ((told[0] < 0) != (told[1] < 0))
    for row in np.flatnonzero(differs | (told[0] >= 0)).tolist():
        sides = []
        for frame, at, given in zip((new_frame, old_frame), told, gives, strict=True):
            decision = int(frame.decisions[row])
            sides.append(None if at[row] < 0 or decision < 0 else (frame.items[at[row]], given[decision]))
        gained, lost = _difference(*sides), _difference(*sides[::-1])
        if gained or lost:
            found.append(Gain(row, gained, lost))
    return found


def _at_rows(frame: Released, n: int) -> npt.NDArray[np.int64]:
    """Return for each row of the picture where it stands in the frame; -1 where it does not."""
    at = np.full(n, -1)
    at[frame.rows] = np.arange(len(frame.rows))
    return at


_Side = tuple[np.void, Give | None] | None


def _difference(new: _Side, old: _Side) -> tuple[str, ...]:
    """Return in words what the first side tells beyond the second."""
    if new is None:
        return ()
    item, give = new
    assert give is not None
    said = {name for name in give.fields if _is_said(item, name)}
    if old is None:
        return ("the track itself", *(name for name in give.fields if name in said and name != "position"))
    other, other_give = old
    assert other_give is not None
    more: list[str] = [name for name in give.fields if name in said and not _is_said(other, name)]
    if give.position_grid_m != other_give.position_grid_m and (
        not give.position_grid_m or 0 < give.position_grid_m < other_give.position_grid_m
    ):
        more.append("a finer position")
    if {"altitude"} <= said & set(other_give.fields) and give.altitude_step_ft != other_give.altitude_step_ft:
        more += ["a finer altitude"] if give.altitude_step_ft < (other_give.altitude_step_ft or 0) else []
    if give.delay_s + give.every_s < other_give.delay_s + other_give.every_s:
        more.append("a newer position")
    return tuple(more)


def _is_said(item: np.void, name: str) -> bool:
    return any(item[column] not in {UNTOLD, b""} for column in COLUMNS[name])
