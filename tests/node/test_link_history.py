"""How each link was: one sample in five seconds, an hour of them, the oldest goes first."""

from __future__ import annotations

from browser.fake_desk import FakeDesk
from detente.node.link_history import EVERY_NS, KEPT, LinkHistory
from detente.types import Instant


def test_a_sample_is_due_after_five_seconds_and_an_hour_is_kept():
    rows, history = FakeDesk(tracks=8).board("operator").peers, LinkHistory()
    assert history.is_due(Instant(0))
    for n in range(KEPT + 3):
        history.take(rows, Instant(n * EVERY_NS))
    assert not history.is_due(Instant((KEPT + 2) * EVERY_NS + EVERY_NS - 1))
    found = history.of("bravo")
    assert len(found.at_ms) == len(found.rtt_ms) == len(found.backlog) == len(found.state) == KEPT
    assert found.at_ms[0] == 3 * EVERY_NS // 1_000_000
    assert found.backlog[-1] == sum(lane.backlog for lane in rows[0].lanes)
    assert history.of("nobody").at_ms == []
