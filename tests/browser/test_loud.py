"""Threat model 3: who cries FLASH a hundred times is heard once and recorded a hundred times, and cannot be muted away."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from playwright.sync_api import expect

from browser.awaiting import ordered, until
from browser.conftest import Watched
from browser.fake_desk import FakeDesk
from browser.serving import served
from detente.desk.board import TrackRef
from detente.desk.orders import AcknowledgeMessage

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]

# Counts what would be heard: each sound is three tones, begun one after another in one call.
EAR = """
window.tones = 0;
window.AudioContext = class {
  constructor() { this.state = "running"; this.currentTime = 0; this.destination = {}; }
  resume() { return Promise.resolve(); }
  createGain() { return { gain: {}, connect() { return this; } }; }
  createOscillator() { return { frequency: {}, connect(to) { return to; }, start() { window.tones++; }, stop() {} }; }
};
"""
FLASHES = 100


def wolf(fake: FakeDesk) -> None:
    """A hundred alarms and a hundred FLASH messages of one peer, all at once."""
    board = fake.board("operator")
    alert, message = board.alerts[0], next(row for row in board.messages if row.precedence == "Z")
    fake.extra_alerts = [
        replace(alert, alert=f"bravo-{n}", raised_by="bravo", a=TrackRef(f"BRV{n}", "bravo", None))
        for n in range(FLASHES)
    ]
    fake.extra_messages = [
        replace(message, message=f"bravo-flash-{n}", sent_at_ms=message.sent_at_ms + n) for n in range(FLASHES)
    ]


def test_t03_a_hundred_flash_in_a_minute_all_stand_and_sound_once(opened: Opened) -> None:
    with served(tracks=12, alert_after_s=0.0) as desk:
        desk.do(wolf)
        page = opened(desk.address, script=EAR).page
        page.locator("#sky").click()
        until(page, lambda: page.evaluate("window.tones"), lambda tones: tones >= 3)
        page.wait_for_timeout(1500)  # and no more come
        assert page.evaluate("window.tones") == 3
        expect(page.locator("#alerts li[data-alert^='bravo-']")).to_have_count(FLASHES)
        expect(page.locator("#hotline li[data-message^='bravo-flash-']")).to_have_count(FLASHES)
        expect(page.locator("#hotline .presence")).to_contain_text(
            f"FLASH from there: {FLASHES + 1}, misused {FLASHES}"
        )
        page.keyboard.press("x")
        expect(page.locator("#top")).to_contain_text("SILENCED 30 s")
        expect(page.locator("#strip")).to_contain_text("unacknowledged")
        assert desk.fake.acknowledged == {}


LOUD = """async () => {
  const { state } = await import("/static/store.js");
  const { isLoud } = await import("/static/panels/hotline.js");
  return state.board.messages.filter(isLoud).map((row) => row.message);
}"""


def test_t03_a_flash_message_is_heard_until_it_is_acknowledged(opened: Opened) -> None:
    with served(tracks=8, alert_after_s=None) as desk:
        page = opened(desk.address, script=EAR).page
        page.locator("#sky").click()
        until(page, lambda: page.evaluate("window.tones"), lambda tones: tones == 3)
        assert page.evaluate(LOUD) == ["bravo-ops-118"]
        page.locator('[data-message="bravo-ops-118"] button', has_text="Acknowledge").click()
        expect(page.locator('[data-message="bravo-ops-118"] button')).to_have_count(0)
        assert page.evaluate(LOUD) == []


def test_t03_a_flash_whose_time_has_run_out_stands_on_top_and_sounds_under_all_that_was_said_since(
    opened: Opened,
) -> None:
    with served(tracks=8, alert_after_s=None) as desk:

        def more(fake: FakeDesk) -> None:
            flash, routine = (
                next(row for row in fake.board("operator").messages if (row.precedence == "Z") is is_flash)
                for is_flash in (True, False)
            )
            old = replace(flash, message="bravo-flash-7", outcome="not_answered", rung=3)
            since = [replace(routine, message=f"bravo-ops-{n}", sent_at_ms=flash.sent_at_ms + n) for n in range(200)]
            fake.extra_messages = [*since, old]

        desk.do(more)
        page = opened(desk.address, script=EAR).page
        page.locator("#sky").click()
        expect(page.locator("#hotline li[data-message]").first).to_have_attribute("data-message", "bravo-flash-7")
        assert "bravo-flash-7" in page.evaluate(LOUD)
        until(page, lambda: page.evaluate("window.tones"), lambda tones: tones >= 3)
        page.locator('[data-message="bravo-flash-7"] button', has_text="Acknowledge").click()
        assert [order.message for order in ordered(page, desk, AcknowledgeMessage)] == ["bravo-flash-7"]
