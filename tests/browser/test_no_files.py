"""Threat model 16 and 19: two codebooks block coded sending; and no file is taken, by no way in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from browser.conftest import Watched
from browser.serving import Desk, served
from detente.desk.orders import SendCode

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]

POLYGLOTS = {
    "x.svg": ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    "x.pdf": ("application/pdf", "%PDF-1.7 <script>alert(1)</script>"),
    "x.html": ("text/html", "<script>alert(1)</script>"),
    "x.png": ("image/png", "GIF89a/*<svg onload=alert(1)>*/=1"),
    "x.docm": ("application/vnd.ms-word.document.macroEnabled.12", "PK"),
}

DROP = """([name, type, text]) => {
  const held = new DataTransfer();
  held.items.add(new File([text], name, { type }));
  const taken = ["dragover", "drop"].map((kind) => {
    const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: held });
    document.querySelector("#composer textarea").dispatchEvent(event);
    return event.defaultPrevented;
  });
  document.querySelector("#composer textarea").dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: held }));
  return taken;
}"""


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(tracks=10) as running:
        yield running


def test_t19_there_is_no_way_for_a_file_to_come_in(desk: Desk, opened: Opened) -> None:
    watched = opened(desk.address)
    page = watched.page
    for key in "5678904":
        page.keyboard.press(key)
        assert page.locator("object, embed, iframe, img").count() == 0
        # A file may be opened to be looked at in the browser (a dossier to play): nothing of it goes to anybody.
        assert page.locator("form input[type=file], #hotline input[type=file], .sheet input[type=file]").count() == 0
    for name, (media_type, text) in POLYGLOTS.items():
        # Prevented: the browser would open the file in the console's place.
        assert page.evaluate(DROP, [name, media_type, text]) == [True, True]
    expect(page.locator("#composer textarea")).to_have_value("")
    assert page.url == desk.address
    answers = page.evaluate("""async () => {
      const { state } = await import("/static/store.js");
      const form = new FormData();
      form.append("file", new File(["x"], "x.png", { type: "image/png" }));
      const headers = { "x-detente-token": state.session.token };
      const order = { order: "send_text", to: "bravo", line: "watch", precedence: "R", text: "see this", attachment: "eA==" };
      const sent = [form, JSON.stringify(order)];
      return Promise.all(sent.map(async (body) => (await fetch("/api/orders", { method: "POST", headers, body })).status));
    }""")
    assert answers == [400, 400]
    assert desk.fake.orders == [
        (role, order) for role, order in desk.fake.orders if type(order).__name__ == "Displayed"
    ]
    assert [line for line in watched.complaints if "400" not in line and "409" not in line] == []


def test_t16_another_codebook_blocks_coded_sending_and_the_original_stands_beside(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    expect(page.locator("#hotline h2")).to_contain_text("codebook differs Charlie")
    page.select_option("#compose-to", "charlie")
    page.select_option("#compose-code", "W06")
    page.fill(".param input", "BRV61")
    expect(page.locator("#composer")).to_contain_text("The two codebooks differ: coded sending is blocked.")
    expect(page.locator("#composer button.main")).to_be_disabled()
    page.select_option("#compose-to", "bravo")
    expect(page.locator("#composer button.main")).to_be_enabled()
    # Both languages stand before it is sent, and both stand beside what came.
    expect(page.locator("#composer")).to_contain_text("Прошу сообщить ваши намерения по объекту BRV61.")
    said = page.locator('[data-message="bravo-ops-118"]')
    expect(said).to_contain_text("Track BRV61 is descending to FL240.")
    expect(said).to_contain_text("Объект BRV61 снижается до FL240.")
    assert [order for _, order in desk.fake.orders if isinstance(order, SendCode)] == []


def test_a_parameter_of_another_form_is_marked_before_it_is_sent(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.select_option("#compose-code", "M04")
    params = page.locator(".param input")
    expect(params).to_have_count(2)
    track, level = params.nth(0), params.nth(1)
    track.fill("BRV61")
    level.fill("twenty-four")
    expect(level).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#composer")).to_contain_text("write it as FL240")
    level.fill("FL240")
    expect(level).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("#composer")).to_contain_text("to be acknowledged within 60 s")
    expect(page.locator("#composer")).to_contain_text("Answered by P01")
