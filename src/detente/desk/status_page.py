"""How a table stands, as one page to print: no script, no second file. What is alleged is printed as alleged."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from detente.coordination.decisions import open_parts
from detente.coordination.view import TableView
from detente.coordination.watch import WatchRow
from detente.evidence.verdict import plain, time_of

ROWS_MAX: Final = 40
"""Rows of one list; what is left out is counted on the page."""

CSS: Final = """
@page { margin: 15mm }
body { font: 10pt/1.35 sans-serif; color: #000; background: #fff; max-width: 190mm; margin: 8mm auto }
h1 { font-size: 15pt; margin: 0 } h2 { font-size: 11pt; margin: 4mm 0 1mm; border-bottom: 1px solid #000 }
table { border-collapse: collapse; width: 100% } td, th { text-align: start; vertical-align: top }
td, th { padding: .6mm 2mm .6mm 0 }
th { font-weight: 600 } .mono, .name { font-family: monospace }
.mono { overflow-wrap: anywhere } .name { white-space: nowrap } p { margin: 1mm 0 }
"""

CSP: Final = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    + "'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Lets in this page's own style and nothing else."""


def status_page(view: TableView, party: str, now_ms: int, words: Mapping[str, str], lang: str) -> str:
    """Return the page, HTML, in the words of the catalogue *words* of the language *lang*."""
    return _Page(view, words).html(party, now_ms, lang)


class _Page:
    def __init__(self, view: TableView, words: Mapping[str, str]) -> None:
        self._view, self._words = view, words

    def html(self, party: str, now_ms: int, lang: str) -> str:
        brief, t = self._view.brief, self._t
        head = (
            f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{_text(brief.title)}</title>'
            f"<style>{CSS}</style></head><body><h1>{_text(brief.title)}</h1>"
            f"<p>{_text(brief.topic)} · {_text(', '.join(brief.members))} · {_time(now_ms)} · {_text(party)}</p>"
            f'<p>{t("table.same_digest")} <span class="mono">{_text(brief.digest)}</span></p>'
            f"<p><b>{t('top.not_a_clearance')}.</b></p>"
        )
        parts = (
            self._arrangement(),
            self._list("table.watches", (self._watch(w) for w in self._view.watches)),
            self._list("table.proposals", self._proposals()),
            self._list("table.decisions", self._decisions()),
            self._list("table.incidents", self._incidents()),
            self._list("table.ceasefires", self._claims()),
            self._list("table.differences", self._differences()),
        )
        return head + "".join(parts) + "</body></html>"

    def _t(self, key: str) -> str:
        return escape(self._words.get(key, key))

    def _word(self, kind: str, word: str) -> str:
        return escape(self._words.get(f"{kind}.{word}", plain(word)))

    def _list(self, title: str, rows: Iterable[str]) -> str:
        found = list(rows)
        shown = "".join(f"<tr>{row}</tr>" for row in found[:ROWS_MAX]) or f"<tr><td>{self._t('table.none')}</td></tr>"
        more = f"<p>{ROWS_MAX} / {len(found)}</p>" if len(found) > ROWS_MAX else ""
        return f"<h2>{self._t(title)} {len(found)}</h2><table>{shown}</table>{more}"

    def _arrangement(self) -> str:
        row, t = self._view.arrangement, self._t
        flows = ", ".join(self._word("flow", flow) for flow in row.flows)
        stopped = ", ".join(self._word("flow", flow) for flow in row.stopped)
        halted = f" {t('table.stopped')}: {stopped}." if stopped else ""
        since = "" if row.since_ms is None else f" {t('table.since')} {_time(row.since_ms)}"
        return (
            f"<h2>{t('table.arrangement')}</h2><p><b>{self._word('arrangement', row.state)}</b>{since}. "
            f"{t('table.flows')}: {flows}.{halted}</p>"
        )

    def _watch(self, row: WatchRow) -> str:
        nobody = f"<b>{self._t('table.nobody')}</b>"
        posts = ", ".join(self._word("role", post.post) for post in row.posts)
        return f"<td>{_text(row.party)}</td><td>{nobody if row.nobody else posts}</td>"

    def _proposals(self) -> Iterable[str]:
        for row in self._view.proposals:
            missing = "; ".join(row.missing)
            yield (
                f'<td class="name">{_text(row.proposal)}</td><td>{_text(row.title)}</td>'
                f"<td><b>{self._word('proposal', row.state)}</b></td><td>{_text(missing)}</td>"
            )

    def _decisions(self) -> Iterable[str]:
        for _, decision, part in open_parts(self._view.summits):
            due = "" if part.due_ms is None else f"{self._t('table.due')} {_time(part.due_ms)}"
            overdue = f" <b>{self._t('table.overdue')}</b>" if part.overdue else ""
            disputed = "; ".join(
                f"{who} {self._t('table.disputes')} {_text(why)}" for who, why in part.disputed_by.items()
            )
            yield (
                f"<td>{_text(part.party)}</td><td>{_text(decision.text)}</td><td>{self._word('part', part.state)}</td>"
                f"<td>{due}{overdue} {disputed}</td>"
            )

    def _incidents(self) -> Iterable[str]:
        for row in self._view.incidents:
            yield (
                f'<td class="name">{_text(row.incident)}</td><td>{_text(row.title)}</td>'
                f"<td>{_time(row.happened_ms)}</td><td><b>{self._word('incident', row.status)}</b></td>"
            )

    def _claims(self) -> Iterable[str]:
        for terms in self._view.ceasefires:
            for claim in terms.claims:
                yield (
                    f'<td class="name">{_text(claim.claim)}</td><td>{_text(terms.title)}</td>'
                    f"<td>{self._word('category', claim.category)}</td>"
                    f"<td><b>{self._word('claim', claim.state)}</b></td>"
                )

    def _differences(self) -> Iterable[str]:
        for row in self._view.differences:
            if row.stands:
                said = "<br>".join(f"{_text(who)}: {_text(what)}" for who, what in row.words.items())
                yield f"<td>{_text(row.title)}</td><td>{said}</td>"


def _text(text: str) -> str:
    return escape(plain(text))


def _time(at_ms: int) -> str:
    return escape(f"{time_of(at_ms)[:16]}Z")
