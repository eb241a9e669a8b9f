"""Threat model 17 and 18: what others write is shown as text, in every field, and nothing of it runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from playwright.sync_api import expect

from browser.conftest import Watched
from browser.fake_desk import FakeDesk, Scene
from browser.serving import served
from detente.desk.board import TrackRef

pytestmark = pytest.mark.browser

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script href=data:,alert(1) />",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "<a href=javascript:alert(1)>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<iframe src=https://example.org>",
    "<object data=data:text/html,<script>alert(1)</script>>",
    "<embed src=//example.org>",
    "<link rel=stylesheet href=//example.org/x.css>",
    "<style>*{background:url(//example.org)}</style>",
    "<base href=//example.org>",
    "<form action=//example.org><input autofocus onfocus=alert(1)>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "${alert(1)}",
    "{{constructor.constructor('alert(1)')()}}",
    "</title></textarea></noscript><script>alert(1)</script>",
    "<template><img src=x onerror=alert(1)></template>",
    "<meta http-equiv=refresh content='0;url=//example.org'>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "&lt;img src=x onerror=alert(1)&gt;",
    '=HYPERLINK("//example.org")',
    "\u202egnp.exe\u202c",
    "АLF214",
    "__proto__",
    "x" * 2000,
    "<svg/onload=alert(1)//",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video src=x onerror=alert(1)></video>",
    "<audio autoplay src=data:audio/wav,x onerror=alert(1)>",
    "<input type=image src=x onerror=alert(1)>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<marquee onstart=alert(1)>x",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href=vbscript:alert(1)>x</a>",
    "<img srcset='x 1x' onerror=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><foreignObject><iframe src=x></iframe></foreignObject></svg>",
    "<xml:namespace prefix=t ns=urn:x /><t:set attributeName=innerHTML to=x />",
    "<!--><script>alert(1)</script-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<script src=//example.org/x.js></script>",
    "<link rel=import href=//example.org>",
    "<style>@import '//example.org/x.css';</style>",
    "<div style='background:url(//example.org)'>x</div>",
    "<portal src=//example.org>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "\\u003cscript\\u003ealert(1)",
    "`-alert(1)-`",
    "';alert(1)//",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "{{7*7}}",
    "#{7*7}",
    "constructor",
    "toString",
    "\ufeff<script>alert(1)</script>",
    "P\u0430ypal",
]


def hostile(fake: FakeDesk) -> None:
    """Put every payload into every text of the board that another party or a feed may have written."""
    board = fake.board("operator")
    alert, message, zone = board.alerts[0], board.messages[0], board.zones[2]
    fake.extra_alerts = [
        replace(
            alert,
            alert=f"bravo-{90 + n}",
            level="warning",
            a=TrackRef(text, "bravo", None),
            b=TrackRef(text, None, None) if n % 2 else None,
            zone=None if n % 2 else "z",
            zone_name=None if n % 2 else text,
        )
        for n, text in enumerate(PAYLOADS)
    ]
    fake.extra_messages = [
        replace(
            message,
            message=f"bravo-ops-{900 + n}",
            code=text[:8] if n % 2 else None,
            known_code=False,
            rendered={},
            params={"track": text},
            text=text,
            by=text[:40],
            lang="ru",
            reason=text[:20],
            sent_at_ms=message.sent_at_ms + n,
        )
        for n, text in enumerate(PAYLOADS)
    ]
    fake.zones = [*fake.zones, *(replace(zone, zone=f"h{n}", name=text) for n, text in enumerate(PAYLOADS))]
    for n, text in enumerate(PAYLOADS):
        fake.scene.flights[n].callsign = text.encode("ascii", "replace").decode()[:8]
    fake.scene = Scene(fake.scene.flights)
    own = fake.board
    fake.board = lambda role: replace(
        own(role),
        faults=PAYLOADS[:4],
        not_built_yet=PAYLOADS[4:8],
        badges=["EXERCISE", PAYLOADS[1], "__proto__"],
        feeds=[
            replace(feed, feed=PAYLOADS[0], note=PAYLOADS[2], rejected={PAYLOADS[3]: 3}) for feed in own(role).feeds
        ],
        peers=[
            replace(peer, node=PAYLOADS[5], policy_name=PAYLOADS[6], withheld={PAYLOADS[7]: 9})
            for peer in own(role).peers
        ],
    )


def test_t18_there_are_sixty_payloads_and_more() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 60


def test_t18_hostile_text_in_every_field_is_shown_and_nothing_runs(opened: Callable[..., Watched]) -> None:
    with served(tracks=80) as desk:
        desk.do(hostile)
        watched = opened(desk.address)
        page = watched.page
        expect(page.locator("#alerts")).to_contain_text(PAYLOADS[0])
        expect(page.locator("#hotline")).to_contain_text(PAYLOADS[1])
        for key in "567":
            page.keyboard.press(key)
            page.wait_for_timeout(300)
        page.keyboard.press("7")
        page.get_by_role("button", name="As Bravo sees it").click()
        page.keyboard.press("/")
        page.wait_for_timeout(1500)
        strangers = "script:not([src^='/static/']), iframe, object, embed, base, form:not(#composer), img, [onerror], [onload], style"
        assert page.locator(strangers).count() == 0
        assert watched.violations() == []
        assert watched.complaints == []


def test_t17_a_name_that_mixes_alphabets_says_so(opened: Callable[..., Watched]) -> None:
    with served(tracks=10) as desk:
        zone_name = "RESTRIСTED"  # its fourth-last C is Cyrillic

        def spoof(fake: FakeDesk) -> None:
            board = fake.board("operator")
            fake.extra_alerts = [replace(board.alerts[2], alert="bravo-77", zone_name=zone_name)]

        desk.do(spoof)
        page = opened(desk.address).page
        expect(page.locator('li[data-alert="bravo-77"]')).to_contain_text("mixed alphabets")


def test_t17_texts_of_others_are_isolated_and_callsigns_are_of_no_language(opened: Callable[..., Watched]) -> None:
    with served(tracks=10) as desk:
        page = opened(desk.address, lang="tr").page
        name = page.locator('li[data-alert="alfa-1"] .who bdi').first
        expect(name).to_have_attribute("lang", "zxx")
        expect(name).to_have_attribute("translate", "no")
        changed = page.evaluate(
            "() => [...document.querySelectorAll('*')].filter((e) => getComputedStyle(e).textTransform !== 'none').length"
        )
        assert changed == 0
        assert page.evaluate("() => document.querySelectorAll('.words bdi').length") > 0
