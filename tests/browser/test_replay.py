"""A replay: its clockwork, what is folded from the record, dossiers; and that it can neither order nor be mistaken."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.awaiting import until
from browser.conftest import Watched
from browser.serving import Desk, served
from browser.test_console import alarmed
from browser.test_refused import WHY, is_told, refuses
from detente.evidence.dossier import write_zip
from detente.evidence.leaf import Kind
from detente.node.records import DossierAsked
from detente.wire.messages import HotlineBody, encode_body
from evidence.records import START_MS, Node, Record, dossier
from node.recorded import OPS, Recorded, recorded

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(tracks=60) as running:
        yield running


@pytest.fixture(scope="module")
def page(desk: Desk, browser: Browser) -> Iterator[Page]:
    one = browser.new_page(viewport={"width": 1600, "height": 900})
    one.goto(desk.address)
    one.wait_for_selector("html[data-ready]")
    yield one
    one.close()


def called(page: Page, module: str, call: str, *words: Any) -> Any:
    return page.evaluate(
        "async ([module, call, words]) => (await import('/static/replay/' + module))[call](...words)",
        [f"{module}.js", call, list(words)],
    )


# --- the clockwork


def played(page: Page, *words: dict[str, Any], window: tuple[int, int] = (1_000, 61_000)) -> dict[str, Any]:
    return page.evaluate(
        """async ([window, words]) => {
          const { opened, next } = await import("/static/replay/player.js");
          return words.reduce(next, opened(...window));
        }""",
        [window, list(words)],
    )


def test_a_player_stands_at_the_beginning_until_it_is_told(page: Page) -> None:
    assert played(page, {"does": "passed", "ms": 5000}) == {
        "fromMs": 1000,
        "toMs": 61_000,
        "atMs": 1000,
        "speed": 1,
        "playing": False,
    }


def test_time_passes_as_fast_as_the_speed_says_and_stops_at_the_end(page: Page) -> None:
    on = [{"does": "play"}, {"does": "speed", "n": 20}]
    assert played(page, *on, {"does": "passed", "ms": 100})["atMs"] == 3000
    ended = played(page, *on, *[{"does": "passed", "ms": 1000}] * 9)
    assert (ended["atMs"], ended["playing"]) == (61_000, False)


def test_played_at_its_end_it_begins_anew(page: Page) -> None:
    again = played(page, {"does": "seek", "ms": 61_000}, {"does": "turn"})
    assert (again["atMs"], again["playing"]) == (1000, True)


def test_a_step_pauses_and_nothing_leads_out_of_the_window(page: Page) -> None:
    back = played(page, {"does": "play"}, {"does": "step", "ms": -60_000})
    assert (back["atMs"], back["playing"]) == (1000, False)
    assert played(page, {"does": "seek", "ms": 10**15})["atMs"] == 61_000


def test_a_speed_is_one_of_six_from_one_to_sixty(page: Page) -> None:
    assert played(page, {"does": "speed", "n": 7})["speed"] == 1
    assert played(page, *[{"does": "faster"}] * 9)["speed"] == 60
    assert played(page, *[{"does": "slower"}] * 2)["speed"] == 1
    assert [called(page, "player", "stepMs", n) for n in (1, 5, 10, 60)] == [1000, 1000, 2000, 12_000]


@pytest.mark.parametrize("window", [(5, 5), (9, 5), (0, 25 * 3_600_000)])
def test_what_is_no_window_is_refused(page: Page, window: tuple[int, int]) -> None:
    refused = page.evaluate(
        "async (w) => { try { (await import('/static/replay/player.js')).opened(...w); } catch (e) { return e.name; } }",
        window,
    )
    assert refused == "RangeError"


# --- what was said


def leaf(at: int, kind: str, body: dict[str, Any] | None, *, writer: str = "alfa", re: str = "", seq: int = 1):
    reader = "bravo" if writer == "alfa" else "alfa"
    rest = {"log": "l", "lane": "ops", "seq": seq, "precedence": "Z", "by": "operator", "re": [re] if re else []}
    return rest | {"at_ms": at, "writer": writer, "reader": reader, "kind": kind, "body": body, "hash": f"{writer}{at}"}


TOLD = {"alert": "alfa-3", "kind": "conflict", "level": "warning", "at_ms": 10, "event_at_ms": 400}
PAIR = {"a": {"is_yours": True, "callsign": "BRV61"}, "b": None}


def folded(page: Page, leaves: list[dict[str, Any]], at_ms: int) -> dict[str, Any]:
    phrase = {"code": "W06", "en": "Intentions of {track}?", "tr": "{track}?", "ru": "{track}?"}
    return called(page, "fold", "foldedAt", leaves, at_ms, "alfa", [phrase])


def test_nothing_is_known_before_it_was_written(page: Page) -> None:
    leaves = [leaf(10, "alert", TOLD | PAIR | {"happening": "raised"}), leaf(30, "hotline", {"text": "hello"})]
    assert folded(page, leaves, 9) == {"alerts": [], "messages": []}
    assert [len(folded(page, leaves, 29)[name]) for name in ("alerts", "messages")] == [1, 0]


def test_an_alert_has_each_sides_times_as_far_as_leaves_carry_them(page: Page) -> None:
    leaves = [
        leaf(10, "alert", TOLD | PAIR | {"happening": "raised"}),
        leaf(12, "displayed", {"at_ms": 11}, writer="bravo", re="alfa10"),
        leaf(20, "ack", {"at_ms": 19}, writer="bravo", re="alfa10"),
        leaf(21, "escalation", {"at_ms": 21, "rung": 2}, writer="bravo", re="alfa10"),
        leaf(40, "alert", TOLD | PAIR | {"happening": "cleared", "level": "alarm"}),
    ]
    (row,) = folded(page, leaves, 30)["alerts"]
    own, theirs = row["halves"]
    assert (own["party"], own["sent_at_ms"], own["acknowledged_at_ms"]) == ("alfa", 10, None)
    assert (theirs["displayed_at_ms"], theirs["acknowledged_at_ms"], theirs["acknowledged_by"]) == (11, 19, "operator")
    assert theirs["held_at_ms"] is None  # a receipt is no leaf: it is not known here
    assert (row["state"], row["rung"], row["event_at_ms"]) == ("active", 2, 400)
    assert (row["a"]["label"], row["a"]["party"], row["b"]["label"]) == ("BRV61", "bravo", "?")
    (over,) = folded(page, leaves, 40)["alerts"]
    assert (over["state"], over["cleared_at_ms"], over["level"]) == ("cleared", 40, "alarm")


def test_a_coded_message_is_rendered_and_its_answer_tied_to_it(page: Page) -> None:
    leaves = [
        leaf(10, "hotline", {"line": "watch", "code": "W06", "params": {"track": "BRV61"}, "lang": "en"}, seq=7),
        leaf(20, "hotline", {"line": "watch", "text": "Принято", "lang": "ru"}, writer="bravo", re="alfa10"),
    ]
    answer, asked = folded(page, leaves, 30)["messages"]
    assert asked["rendered"]["en"] == "Intentions of BRV61?"
    assert (asked["message"], asked["answered_by"], asked["outcome"]) == ("alfa-ops-7", "bravo-ops-1", "answered")
    assert answer["answers"] == "alfa-ops-7"


def test_a_leaf_whose_body_is_gone_stands_with_what_it_says_of_itself(page: Page) -> None:
    found = folded(page, [leaf(10, "hotline", None), leaf(11, "alert", None, seq=2)], 30)
    assert found["messages"][0]["sent_at_ms"] == 10
    assert found["alerts"][0]["raised_by"] == "alfa"


# --- dossiers


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> str:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return base64.b64encode(out.getvalue()).decode()


READ_ZIP = """async (b64) => {
  const { filesIn } = await import("/static/replay/zip.js");
  try { return [...filesIn(Uint8Array.from(atob(b64), (c) => c.charCodeAt(0)).buffer)].map(([name, bytes]) => [name, bytes.length]); }
  catch (e) { return e.message; }
}"""


def test_a_stored_zip_is_read(page: Page) -> None:
    assert page.evaluate(READ_ZIP, zipped({"manifest.note": b"abc", "logs/000/checkpoint": b""})) == [
        ["manifest.note", 3],
        ["logs/000/checkpoint", 0],
    ]


@pytest.mark.parametrize(
    ("packed", "why"),
    [
        (zipped({"a": b"x" * 100}, zipfile.ZIP_DEFLATED), "packed"),
        (zipped({"../a": b"x"}), "name"),
        (zipped({"a//b": b"x"}), "name"),
        (zipped({".hidden": b"x"}), "name"),
        (base64.b64encode(b"PK not a zip at all, only long enough").decode(), "end record"),
        ("", "end record"),
    ],
)
def test_a_zip_that_is_no_dossiers_is_refused_with_a_reason(page: Page, packed: str, why: str) -> None:
    assert why in page.evaluate(READ_ZIP, packed)


def test_no_flipped_byte_of_a_zip_makes_its_reader_do_worse_than_refuse(page: Page) -> None:
    raw = base64.b64decode(zipped({"manifest.note": b"abc", "x": b"y" * 50}))
    damaged = [base64.b64encode(raw[:k] + bytes([raw[k] ^ 0xFF]) + raw[k + 1 :]).decode() for k in range(len(raw))]
    answers = page.evaluate(f"async (all) => Promise.all(all.map({READ_ZIP}))", damaged)
    assert all(isinstance(answer, list) or answer.startswith(("zip:", "Offset", "Invalid")) for answer in answers)


def packed_dossier(form: str) -> str:
    """A dossier of messages and track frames, whole logs in tiles or a few leaves as exhibits."""
    alfa, bravo = Node("alfa"), Node("bravo")
    record = Record(alfa, bravo)
    said = encode_body(HotlineBody(line="watch", text="Crossing at L-1"))
    ops = record.say(alfa, bravo, "ops", 300, said=said)
    item = [9, START_MS, 410000000, 360000000, 50, 30000, 0, 20000, 0, "ALF214", "4b1801", None, None, 1, 0, 0, 1]
    tracks = record.say(alfa, bravo, "track", 3, Kind.TRACK, items=[json.dumps(item).encode()])
    for log in (ops, tracks):
        record.sign(log)
    spans = {} if form == "tiles" else {"start": 0, "stop": 3}
    out = io.BytesIO()
    write_zip(out, dossier(record, alfa, [record.extract(log, form, **spans) for log in (ops, tracks)]).items())
    return base64.b64encode(out.getvalue()).decode()


@pytest.mark.parametrize(("form", "messages"), [("tiles", 300), ("exhibits", 3)])
def test_a_dossier_is_opened_with_its_messages_in_order_and_its_track_frames(
    page: Page, form: str, messages: int
) -> None:
    found = page.evaluate(
        """async (b64) => {
          const { openDossier } = await import("/static/replay/dossier.js");
          const { newestOf, tracksOf } = await import("/static/replay/dossier-tracks.js");
          const { callsignOf } = await import("/static/map/tracks.js");
          const found = await openDossier(Uint8Array.from(atob(b64), (c) => c.charCodeAt(0)).buffer);
          const tracks = tracksOf(newestOf(found.frames, found.fromMs + 10000), found.fromMs + 10000, ["bravo", "alfa"]);
          return { n: found.leaves.length, unread: found.unread, by: found.by, seqs: found.leaves.map((l) => l.seq), first: found.leaves[0],
            tracks: [tracks.n, callsignOf(tracks, 0), tracks.altFt[0], tracks.lat[0], Math.round(tracks.gsKt[0]), tracks.declaredBy[0], tracks.ageS[0]] };
        }""",
        packed_dossier(form),
    )
    assert (found["n"], found["unread"], found["by"]) == (messages, 0, "alfa.example/detente")
    assert found["seqs"] == list(range(messages))
    assert (found["first"]["writer"], found["first"]["reader"]) == ("alfa", "bravo")
    assert found["first"]["body"]["text"] == "Crossing at L-1"
    assert found["tracks"][:3] == [1, "ALF214", 30_000]
    assert found["tracks"][3] == pytest.approx(41 + 2000 / 111_195, abs=1e-4)
    assert found["tracks"][4:] == [389, 1, 10]


# --- at the desk


def replaying(page: Page, back_s: int = 590) -> None:
    page.locator(".replay-bar > button:not([id])").last.click()  # the last 15 minutes
    expect(page.locator("#replay-play")).to_be_visible()
    page.evaluate(
        """async (back) => {
          const { tell } = await import("/static/replay/play.js");
          const { state } = await import("/static/store.js");
          tell({ does: "seek", ms: state.replay.player.toMs - back * 1000 });
        }""",
        back_s,
    )
    until(page, lambda: page.evaluate("import('/static/store.js').then(({state}) => state.tracks !== null)"))


def test_a_replay_shows_the_past_in_a_frame_that_nobody_takes_for_now(desk: Desk, opened: Opened) -> None:
    watched = opened(desk.address, size=(1600, 900))
    page = watched.page
    replaying(page)
    expect(page.locator("body")).to_have_class("replay")
    assert page.evaluate("getComputedStyle(document.body).borderTopWidth") == "6px"
    expect(page.locator("#top")).to_contain_text("REPLAY")
    expect(page.locator("#top")).not_to_contain_text("LIVE")
    expect(page.locator("#alerts")).to_contain_text("ALF214 × BRV61")
    expect(page.locator("#alerts li[data-alert]")).to_have_count(1)
    shown = page.evaluate(
        "import('/static/store.js').then(({state}) => [state.tracks.n, state.tracks.atMs, state.live.tracks.atMs])"
    )
    assert shown[0] > 50
    assert shown[2] - shown[1] > 500_000
    page.locator("#replay-live").click()
    expect(page.locator("#top")).to_contain_text("LIVE")
    expect(page.locator("#alerts li[data-alert]")).to_have_count(5)
    expect(page.locator('[data-acknowledge="alfa-1"]')).to_be_enabled()
    assert watched.complaints == []
    assert watched.violations() == []


def test_why_frames_could_not_be_had_can_be_closed_and_goes_when_they_come(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address, size=(1600, 900)).page
    replaying(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/frames" in request.url else None)
    refuses(page, "**/api/replay/frames*")
    page.locator("#replay-place").press("Home")
    assert is_told(page, WHY)
    page.locator(".notice button").click()
    page.wait_for_timeout(900)
    expect(page.locator(".notice")).to_have_count(0)
    assert len(asked) == 1
    assert is_told(page, WHY)
    page.unroute("**/api/replay/frames*")
    expect(page.locator(".notice")).to_have_count(0)
    until(page, lambda: page.evaluate("import('/static/store.js').then(({state}) => state.tracks !== null)"))


def test_a_replay_plays_by_keys_at_its_speed(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address, size=(1600, 900)).page
    replaying(page)
    at = "import('/static/store.js').then(({state}) => state.replay.player.atMs)"
    start = page.evaluate(at)
    page.locator("#sky").focus()
    page.keyboard.press(".")
    page.keyboard.press(".")
    page.keyboard.press(",")
    until(page, lambda: page.evaluate(at), lambda now: now == start + 1000)
    page.keyboard.press("Shift+Period")
    until(page, lambda: page.evaluate(at), lambda now: now == start + 61_000)
    page.keyboard.press("Shift+Comma")
    until(page, lambda: page.evaluate(at), lambda now: now == start + 1000)
    page.select_option("#replay-speed", "60")
    page.keyboard.press("Escape")
    page.locator("#sky").focus()
    page.keyboard.press("Space")
    until(page, lambda: page.evaluate(at), lambda now: now - start > 20_000)
    page.keyboard.press("Space")
    shown = "import('/static/store.js').then(({state}) => state.tracks.atMs)"
    assert until(page, lambda: page.evaluate(shown), lambda now: now > start) > start


def test_no_button_of_a_replay_sends_an_order(desk: Desk, opened: Opened) -> None:
    watched = opened(desk.address, size=(1600, 900))
    page = watched.page
    replaying(page, 598)
    page.wait_for_timeout(300)
    sent: list[str] = []
    door = re.compile(r"/api/(session|sign-in|passkeys|step-up)")  # who sits here is no order
    page.on("request", lambda r: sent.append(r.url) if r.method != "GET" and not door.search(r.url) else None)
    before = len(desk.fake.orders)
    expect(page.locator('[data-acknowledge="alfa-90"]')).to_be_disabled()
    expect(page.locator("#strip-acknowledge")).to_be_disabled()
    expect(page.locator("#composer textarea")).to_be_disabled()
    expect(page.locator("#seat")).to_be_disabled()
    pressed = page.evaluate("""() => {
      let n = 0;
      for (const element of [...document.querySelectorAll("button, select, input")]) {
        if (["replay-live", "replay-file"].includes(element.id)) continue;
        element.disabled = false; // even for who takes the lock off
        element.click();
        element.dispatchEvent(new Event("change", { bubbles: true }));
        n += 1;
      }
      return n;
    }""")
    assert pressed > 30
    refused = page.evaluate("""async () => {
      const { give } = await import("/static/orders.js");
      return [await give({ order: "acknowledge", alert: "alfa-1" }), await give({ order: "displayed", alerts: ["alfa-1"], messages: [] })];
    }""")
    assert refused == [False, False]
    page.wait_for_timeout(300)
    assert sent == []
    assert len(desk.fake.orders) == before


def test_a_live_alarm_is_called_out_over_a_replay(opened: Opened) -> None:
    with served(tracks=20, alert_after_s=None) as quiet:
        page = opened(quiet.address, size=(1600, 900)).page
        replaying(page)
        quiet.do(alarmed)
        expect(page.locator("#time")).to_contain_text("LIVE: 4 not acknowledged", timeout=8000)
        expect(page.locator("#say-now")).to_contain_text("ALARM: ALF214 × BRV61")


def test_a_window_is_chosen_by_its_times(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address, size=(1600, 900)).page
    page.locator("#replay-choose").click()
    expect(page.locator(".kept .there")).to_have_count(1)
    page.fill("#replay-from", "yesterday")
    expect(page.locator("#replay-from")).to_have_attribute("aria-invalid", "true")
    page.locator("#time form button").click()
    expect(page.locator(".notice")).to_contain_text("A window ends after it begins")
    box = page.locator("svg.kept").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 8, steps=4)
    page.mouse.up()
    expect(page.locator("#replay-from")).to_have_attribute("aria-invalid", "false")
    page.locator("#time form button").click()
    expect(page.locator("#replay-play")).to_be_visible()
    window = page.evaluate("import('/static/store.js').then(({state}) => state.replay.player)")
    assert 200_000 < window["toMs"] - window["fromMs"] < 500_000


# --- whether a dossier holds

CHECKED_MS = 30_000
"""The digits of each root take a quarter of a second of an idle processor, and the tests' is not idle."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    made = recorded(tmp_path_factory.mktemp("record"), messages=6)
    yield made
    made.store.close()


def brought(page: Page, packed: bytes) -> None:
    """Open *packed* as a file that somebody brought."""
    page.locator("#replay-file").set_input_files([{"name": "d.zip", "mimeType": "application/zip", "buffer": packed}])


def flipped(packed: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as whole, zipfile.ZipFile(out, "w") as forged:
        for name in whole.namelist():
            forged.writestr(whole.getinfo(name), whole.read(name).replace(b"crossing", b"Crossing"))
    return out.getvalue()


def test_a_dossier_is_verified_before_it_is_shown_and_one_that_does_not_hold_is_not_shown(
    kept: Recorded, opened: Opened
) -> None:
    _, packed = kept.records.dossier(DossierAsked(ranges={OPS: (0, 4)}), START_MS)
    with served(tracks=20, record=kept.records) as desk:
        page = opened(desk.address).page
        brought(page, flipped(packed))
        expect(page.locator(".notice.bad")).to_contain_text("DOES NOT HOLD", timeout=CHECKED_MS)
        expect(page.locator(".notice.bad")).to_contain_text("exhibits/")
        expect(page.locator("#replay-play")).to_have_count(0)
        brought(page, packed)
        expect(page.locator("#replay-holds")).to_have_text("holds, under the roots of Alfa, Bravo", timeout=CHECKED_MS)
        expect(page.locator("#not-proved")).to_have_count(0)
        expect(page.locator("#replay-play")).to_be_visible()


@pytest.mark.parametrize("has_record", [True, False])
def test_a_dossier_that_nobody_can_prove_is_played_under_a_banner(
    kept: Recorded, opened: Opened, has_record: bool
) -> None:
    """Its parties bear the names of ours and have other roots; or the node has no record and no keys to check by."""
    with served(tracks=20, record=kept.records if has_record else None) as desk:
        page = opened(desk.address).page
        brought(page, base64.b64decode(packed_dossier("exhibits")))
        banner = page.locator("#not-proved")
        expect(banner).to_contain_text("NOT PROVED", timeout=CHECKED_MS)
        expect(banner).to_contain_text("unknown root" if has_record else "no record")
        expect(banner).to_be_in_viewport()
        expect(page.locator("#replay-holds")).to_have_count(0)
        page.locator("#replay-live").click()
        expect(banner).to_have_count(0)
