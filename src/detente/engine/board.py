"""The board of one desk, made from the engine's state when somebody looks. It decides nothing."""

from __future__ import annotations

import numpy as np

from detente.alerts.escalation import Escalations
from detente.desk.board import Counts, FeedRow, ForkRow, LaneRow, PeerRow, ZoneRow
from detente.desk.warnings import Rung, Warnings
from detente.detect.zone import Zone
from detente.engine.epochs import Epochs
from detente.engine.line_tests import LineTests
from detente.engine.sharing import Exchange
from detente.engine.values import Feed, Party
from detente.link import fork
from detente.link.session import Session
from detente.link.status import LaneStatus, LinkStatus
from detente.picture.picture import NOBODY, Mark, Reason, Tracks
from detente.picture.tracker import Tracker
from detente.release.release import Releaser
from detente.types import Instant, PartyId, instant_ms
from detente.units import DEG_PER_RAD


def counts_of(tracks: Tracks, conflicts: int) -> Counts:
    """Return how many tracks the map shows, by whose, and how many of them could not be judged and why."""
    shown = tracks[(tracks["flags"] & np.uint32(Mark.SECONDARY)) == 0]
    reasons, numbers = np.unique(shown["not_assessed"], return_counts=True)
    why = {Reason(int(r)).name.lower(): int(n) for r, n in zip(reasons, numbers, strict=True) if r}
    return Counts(
        own=int((shown["party"] == 0).sum()),
        shared=int((shown["party"] != 0).sum()),
        unattributed=int((shown["declared_by"] == NOBODY).sum()),
        stale=int(((shown["flags"] & np.uint32(Mark.STALE | Mark.COASTED)) != 0).sum()),
        not_assessed=sum(why.values()),
        not_assessed_why=why,
        conflicts=conflicts,
    )


def rungs_of(warnings: Warnings, escalations: Escalations) -> tuple[dict[str, Rung], dict[str, dict[PartyId, int]]]:
    """Return how far each row has climbed, both sides together and each for itself."""
    together, each = {}, {}
    for row in warnings.all():
        name = row.name
        together[name] = Rung(
            escalations.rung(name),
            escalations.roles(name),
            escalations.next_at(name),
            escalations.acknowledge_by(name),
        )
        each[name] = dict(escalations.rungs(name))
    return together, each


def alarms_of(status: LinkStatus) -> list[str]:
    """Return what is wrong with a link though it is up: codes, the gravest first."""
    held_back = any(lane.their_quota_left == 0 and lane.backlog for lane in status.lanes)
    found = {
        "flash_receipts_late": status.flash_receipts_late,
        "receipts_withheld": status.receipts_withheld,
        "clock_suspect": status.clock_suspect,
        "reading_stopped": any(lane.quota_left == 0 for lane in status.lanes),
        "held_back": held_back,
    }
    return [code for code, is_so in found.items() if is_so]


def peer_row(
    party: Party,
    session: Session,
    exchange: Exchange,
    releaser: Releaser,
    line_tests: LineTests,
    epochs: Epochs,
    now: Instant,
    is_watched: bool | None,
) -> PeerRow:
    """Return what the desk shows of one link and of what leaves on it. is_watched: whether the peer has a watch."""
    status, newest = session.status(now), exchange.newest
    tested = line_tests.with_peer[party.party]
    return PeerRow(
        party=party.party,
        node=party.node,
        state=status.state.value,
        since_ms=instant_ms(status.since),
        last_heard_ms=None if status.heard_at is None else instant_ms(status.heard_at),
        rtt_ms=status.rtt_ms,
        offset_ms=status.offset_ms,
        receipt_lag_ms=status.receipt_lag_ms,
        lanes=[_lane_row(lane) for lane in status.lanes],
        codebook_same=status.codebook_same,
        released=0 if newest is None else newest.released,
        withheld={} if newest is None else dict(newest.withheld),
        policy=releaser.digest,
        policy_name=releaser.policy.name,
        shared_with_us=exchange.shared,
        why=status.why,
        line=status.line.value,  # type: ignore[arg-type]  # it is one of the line's three
        watch_present=is_watched,
        alarms=[
            *alarms_of(status),
            *line_tests.alarms(party.party, now),
            *(["nobody_on_watch"] if is_watched is False else []),
        ],
        missed=status.missed,
        rtt_p95_ms=status.rtt_p95_ms,
        clock_suspect=status.clock_suspect,
        forks=[
            ForkRow(log, fork.digest(proof), list(epochs.agreed_by(party.party, log)))
            for log, proof in session.forks.items()
            if session.is_current(log)
        ],
        line_test_own_at_ms=tested.own_at_ms,
        line_test_held_at_ms=tested.own_held_at_ms,
        line_test_their_at_ms=tested.their_at_ms,
        refused={code.value: n for code, n in status.refused.items()},
        refused_by_peer={code.value: n for code, n in status.refused_by_peer.items()},
    )


def _lane_row(lane: LaneStatus) -> LaneRow:
    return LaneRow(
        lane=lane.lane.value,
        own_size=lane.own_size,
        own_root=lane.own_root,
        own_held=lane.own_held,
        their_size=lane.their_size,
        their_root=lane.their_root,
        backlog=lane.backlog,
        their_backlog=lane.their_backlog,
        receipt_lag_ms=lane.receipt_lag_ms,
        bodies_missing=lane.bodies_missing,
        own_stopped=lane.own_stopped or "",
        their_stopped=lane.their_stopped or "",
        quota_per_min=lane.quota_per_min,
        quota_left=lane.quota_left,
        their_quota_per_min=lane.their_quota_per_min,
        their_quota_left=lane.their_quota_left,
    )


def feed_row(feed: Feed, tracker: Tracker) -> FeedRow:
    """Return what the desk shows of one of our sensors: plots read, and refused by reason."""
    tally = tracker.tallies.get((0, feed.source))
    rejected = {reason.name.lower(): n for reason, n in feed.malformed.items() if n}
    if tally is not None:
        for reason, n in tally.rejected.items():
            rejected[reason.name.lower()] = rejected.get(reason.name.lower(), 0) + n
    state = feed.state if feed.state in {"up", "waiting", "ended", "failed"} else "waiting"
    return FeedRow(
        feed=feed.name,
        state=state,  # type: ignore[arg-type]
        plots=0 if tally is None else tally.plots,
        rejected=rejected,
        last_plot_at_ms=None if feed.last_plot_at is None else instant_ms(feed.last_plot_at),
        note=feed.note,
    )


def zone_row(zone: Zone) -> ZoneRow:
    """Return a notified area as the map draws it, with who asserts it."""
    return ZoneRow(
        zone=zone.zone_id,
        name=zone.name,
        kind=zone.kind.value,
        asserted_by=zone.asserted_by,
        rings=[np.rint(ring * DEG_PER_RAD * 1e7).astype(np.int64).tolist() for ring in zone.rings],
        floor_ft=zone.floor_ft,
        ceiling_ft=zone.ceiling_ft,
        margin_m=zone.margin_m,
    )
