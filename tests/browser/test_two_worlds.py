"""What a peer's desk shows of us, in two worlds that differ only in the aircraft that we hide: real engines, one browser.

The engines' own test compares every byte that leaves (tests/engine/test_leaks.py). This one asks what a person at the
peer's desk could count: rows and their numbers, tracks, what the lanes of the link hold, the figures under the map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import Watched
from browser.fake_desk import FakeDesk
from browser.serving import served
from detente.desk.orders import SendCode
from detente.engine.values import Show
from detente.release.policy import parse_policy
from detente.testing.clock import DAY_ZERO
from detente.testing.parties import Parties
from engine.meeting import ALL, differently, open_handed
from flights import head_on, plots_of

pytestmark = pytest.mark.browser

HIDING = (
    'name = "hiding"\n[[rule]]\nname = "ours"\neffect = "withhold"\nwhen = { identities = ["dd*"] }\n'
    f'[[rule]]\nname = "rest"\neffect = "release"\nto = ["bravo"]\ngive = {{ fields = {ALL} }}\n'
)
SECONDS = 40.0

# All that has a number or can be counted. Not the ages and countdowns, which are read at another moment, nor the heads of
# the lanes, which are digests over bodies with a salt.
COUNTED = """async () => {
  const { state } = await import("/static/store.js");
  const texts = (where) => [...document.querySelectorAll(where)].map((element) => element.textContent);
  const names = (where, attribute) => [...document.querySelectorAll(where)].map((one) => one.getAttribute(attribute));
  return {
    queue: names("#alerts li[data-alert]", "data-alert"),
    conflicts: names("#conflicts tr[data-alert]", "data-alert"),
    who: texts("#alerts .who"),
    times: texts("#alerts .times"),
    messages: names("#hotline li[data-message]", "data-message"),
    said: texts("#hotline .message .words"),
    tracks: [...state.tracks.number],
    labels: [...state.tracks.callsign, ...state.tracks.identity],
    lanes: [...document.querySelectorAll("#page .lanes tr")].map((row) => [...row.cells].slice(0, -1).map((cell) => cell.textContent)),
    heads: texts("#alerts h2, #conflicts h2"),
    status: texts(".status b"),
    nuisance: texts("#conflicts ~ *"),
  };
}"""


def world(hidden_pairs: int) -> Parties:
    """Alfa's and Bravo's aircraft meet; Alfa sees *hidden_pairs* more of its own meet far away, and tells of none."""
    parties = Parties(
        {
            "alfa": differently(open_handed(b"aaaaaa", "bravo"), policy=parse_policy(HIDING)),
            "bravo": open_handed(b"bbbbbb", "alfa"),
        }
    )
    for party, flight in zip(("alfa", "bravo"), head_on(20.0), strict=True):
        parties.plots(party, plots_of(flight, seconds=SECONDS, start=DAY_ZERO))
    for n in range(hidden_pairs):
        for k, flight in enumerate(head_on(20.0)):
            moved = replace(flight, identity=f"dd{n:02x}{k:02x}", lat_deg=flight.lat_deg - 5.0 - n)
            parties.plots("alfa", plots_of(moved, seconds=SECONDS, start=DAY_ZERO))
    parties.run(SECONDS / 2)
    parties.order("alfa", SendCode("bravo", "watch", "W06", {"track": "BRV61"}))
    parties.run(SECONDS / 2)
    return parties


def shows(fake: FakeDesk, parties: Parties) -> None:
    """From now on the desk shows what Bravo's engine holds."""
    board = parties.board("bravo")
    frame = [effect.frame for _, batch in parties["bravo"].batches for effect in batch if isinstance(effect, Show)][-1]
    setattr(fake, "board", lambda role: board)  # noqa: B010
    setattr(fake, "frame", lambda: bytes(bytearray(frame)))  # noqa: B010  a new one each second, or the picture stops


def counted(page: Page) -> dict[str, Any]:
    expect(page.locator("#alerts li[data-alert]").first).to_be_visible()
    expect(page.locator("#hotline li[data-message]").first).to_be_visible()
    expect(page.locator("#page .lanes").first).to_be_visible()
    found: dict[str, Any] = page.evaluate(COUNTED)
    return found


def test_t48_a_peers_desk_shows_the_same_whether_or_not_we_hide_any(opened: Callable[..., Watched]) -> None:
    with_none, with_some = world(0), world(4)
    ours = [parties.board("alfa") for parties in (with_none, with_some)]
    assert (ours[0].counts.own, ours[1].counts.own) == (1, 9)
    assert ours[1].alerts_total > ours[0].alerts_total > 0
    seen = []
    for parties in (with_none, with_some):
        with served(tracks=4) as desk:
            desk.do(partial(shows, parties=parties))
            seen.append(counted(opened(desk.address).page))
    assert seen[0] == seen[1]
    assert len(seen[0]["queue"]) > 0
    assert len(seen[0]["tracks"]) == 2
