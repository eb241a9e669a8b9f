"""The verdict as one page for a lawyer: read on a screen or printed, without a network, a script or a second file."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from detente.evidence.bracket import Bound
from detente.evidence.verdict import (
    CLOCKS_DISAGREE,
    LogFinding,
    Outcome,
    Statement,
    Verdict,
    caveats,
    plain,
    statements,
    time_of,
)

_HEADLINES: Final = {
    Outcome.HOLDS: "The dossier holds",
    Outcome.FAILS: "The dossier fails",
    Outcome.UNKNOWN_ROOT: "Unknown root: nothing is proved",
}

_MEANINGS: Final = {
    Outcome.HOLDS: """Each statement below was written by the party named, in this order, and is unchanged since.
What is receipted was held by its reader at the time stated.""",
    Outcome.FAILS: """At least one exhibit is not what it claims to be. What is listed as failing proves nothing; the
rest is shown for reading only, and should be had anew from either party.""",
    Outcome.UNKNOWN_ROOT: """The dossier agrees with itself, but with keys that are not known to be the parties'. Anyone
can make such a dossier. Ask each party for its thirty digits, over a channel of your own, and check again.""",
}

_STEPS: Final = """
<li>The thirty digits of each party were typed by whoever ran this check, and compared with the root key in the dossier.
They come from the parties themselves, not from the dossier.</li>
<li>Each root signs its party's key statements; these name the keys for statements, for logs and for receipts. A key
that was replaced or revoked counts up to the index that its party named, and no further.</li>
<li>{leaves}</li>
<li>Each leaf names the hash of the one before it, and all of them were found under a root that the writer's log key
signed (a Merkle tree, RFC 6962). A leaf left out, changed, added or moved changes that root.</li>
<li>A receipt is the reader's signature on that root: it held all leaves below the size named, on its disk, at the time
it states.</li>
<li>Each body shown was hashed with its salt and is the one its leaf commits to.</li>
<li>Where both sides' logs are whole, each root that one side names of the other's log was compared with it: two
histories would show.</li>
"""

_EACH_SIGNATURE: Final = "The signature of each of {} leaves was checked, over the bytes as received."
_ROOTS_ONLY: Final = "{} leaves were hashed and found under the roots; their own signatures were not checked."

_LIMITS: Final = """
<h3>What this does not prove</h3><ul>
<li>that what a party said is true;</li>
<li>anything of leaves that are not shown, but that there are so many of them;</li>
<li>that a person read what a node held: only <em>displayed</em> and <em>ack</em> say so, by its reader's word;</li>
<li>that the last statement without a receipt ever arrived;</li>
<li>a time by any clock but the one named: each side's clock is its own word, the bounds are the other side's.</li></ul>
<p>Anyone can repeat this check without us: the format is public (docs/protocol/evidence.md), and a second verifier,
written from that page alone in another language, comes with the software.</p>
"""

_FOOTER: Final = """
<footer>Détente, detente verify. This page was made from the verdict of one run; it is not itself signed.</footer>
"""

_STYLE: Final = """
:root { color-scheme: light; --ink: #1c2126; --soft: #5a646e; --rule: #d5dade; --ground: #f6f7f8; --mark: #2f5d50 }
body.fails { --mark: #9b2c2c } body.unknown_root { --mark: #8a5a00 }
* { box-sizing: border-box }
body { margin: 0; background: #fff; color: var(--ink) }
body { font: 15px/1.5 "Source Serif 4", Georgia, "Times New Roman", serif }
main { max-width: 56rem; margin: 0 auto; padding: 3rem 2rem 5rem }
h1 { font-size: 2rem; line-height: 1.2; margin: .2rem 0 .6rem; color: var(--mark) }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .8rem; padding-bottom: .3rem; border-bottom: 1px solid var(--rule) }
h3 { font-size: 1rem; margin: 1.4rem 0 .2rem }
p, ul, ol { margin: .4rem 0 .8rem; max-width: 44rem }
.over { font: 600 .75rem/1 system-ui, sans-serif; letter-spacing: .08em; text-transform: uppercase; color: var(--soft) }
header { border-top: 4px solid var(--mark); padding-top: 1.4rem }
.facts, table { width: 100%; border-collapse: collapse; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--rule) }
th { font: 600 .72rem/1.5 system-ui, sans-serif; color: var(--soft); letter-spacing: .02em }
code, .digits { font: .84em/1.5 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere }
.warn { color: #9b2c2c; font-weight: 600 } .soft { color: var(--soft) }
article { border-left: 3px solid var(--rule); padding: .1rem 0 .1rem 1rem; margin: 1.1rem 0; break-inside: avoid }
article.flash { border-color: var(--ink) } article.outside { border-color: #9b2c2c }
article h3 { margin: 0; display: flex; gap: .8rem; flex-wrap: wrap; align-items: baseline }
article h3 span { font: 600 .72rem/1.5 system-ui, sans-serif; color: var(--soft); letter-spacing: .04em }
dl { display: grid; grid-template-columns: 8.5rem 1fr; gap: .1rem .8rem; margin: .35rem 0 .2rem; font-size: .92rem }
dt { color: var(--soft); font: .8rem/1.75 system-ui, sans-serif } dd { margin: 0; overflow-wrap: anywhere }
dd.said { font-size: 1.02rem }
.how { break-before: page }
footer { margin-top: 3rem; padding-top: .8rem; border-top: 1px solid var(--rule) }
footer { color: var(--soft); font-size: .82rem }
@page { size: A4; margin: 20mm 18mm }
@media print { main { padding: 0; max-width: none } body { font-size: 10.5pt } }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr } main { padding: 1.5rem 1rem } }
"""


def page(verdict: Verdict) -> str:
    """Return the verdict as one self-contained HTML page."""
    return "".join(_page(verdict))


def _page(verdict: Verdict) -> Iterator[str]:
    headline = _HEADLINES[verdict.outcome]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{headline}</title><style>{_STYLE}</style></head>"
    yield f'<body class="{verdict.outcome.name.lower()}"><main><header><div class="over">Report on a dossier</div>'
    yield f"<h1>{headline}</h1><p>{_MEANINGS[verdict.outcome]}</p>"
    if not verdict.signatures and verdict.outcome is Outcome.HOLDS:
        yield '<p class="warn">Roots only: the signature of each single leaf was not checked. Check again with all '
        yield "signatures before relying on one leaf.</p>"
    yield "</header>"
    yield from _facts(verdict)
    yield from _failures(verdict)
    if verdict.logs:
        yield "<h2>The logs</h2>"
        for finding in verdict.logs:
            yield from _log(finding)
    if said := statements(verdict):
        yield "<h2>What was said</h2><p>In the order of the record. Each statement carries the time its writer gave "
        yield "it, and the bounds that the other side's own words set to it.</p>"
        for statement in said:
            yield from _statement(statement)
    yield from _how(verdict)
    yield "</main></body></html>\n"


def _facts(verdict: Verdict) -> Iterator[str]:
    manifest = verdict.manifest
    if manifest is None:
        return
    yield f"<p>Made by {_text(manifest.by)} on {_time(manifest.at)}, by its own clock."
    if manifest.window is not None:
        yield f" Statements were chosen between {_time(manifest.window[0])} and {_time(manifest.window[1])}."
    yield "</p><h2>Whose roots</h2><table><tr><th>Party</th><th>Node</th><th>Thirty digits of its root key</th></tr>"
    for listed in manifest.parties:
        known = verdict.digits.get(listed.party)
        shown = f'<span class="digits">{known}</span>, as typed' if known else '<span class="warn">unknown</span>'
        yield f"<tr><td>{_text(listed.party)}</td><td>{_text(listed.node)}</td><td>{shown}</td></tr>"
    yield "</table>"


def _failures(verdict: Verdict) -> Iterator[str]:
    if not verdict.failures:
        return
    yield "<h2>What is wrong</h2><table><tr><th>Exhibit</th><th>Finding</th></tr>"
    for failure in verdict.failures:
        yield f'<tr><td><code>{_text(failure.exhibit)}</code></td><td class="warn">{_text(failure.reason)}</td></tr>'
    yield "</table>"


def _log(finding: LogFinding) -> Iterator[str]:
    listed = finding.listed
    kinds = ", ".join(f"{count} {_text(kind)}" for kind, count in sorted(finding.kinds.items()))
    shown = f"{listed.start} to {listed.stop - 1}" if listed.stop > listed.start else "none"
    yield f"<h3>{_text(finding.writer)} to {_text(finding.reader)}</h3><p><code>{_text(listed.origin)}</code></p><dl>"
    yield f"<dt>Leaves</dt><dd>{shown} ({kinds or 'none holds'}), under a root signed at {finding.signed_size}</dd>"
    if finding.written_ms is not None:
        first, last = map(_time, finding.written_ms)
        yield f"<dt>Written</dt><dd>{first} to {last}, by the writer's clock</dd>"
    if finding.receipt_at_s is not None:
        held, reader = _time(finding.receipt_at_s * 1000), _text(finding.reader)
        yield f"<dt>Held</dt><dd>the first {finding.receipt_size}, by {reader}, not later than {held}</dd>"
    for said in caveats(finding):
        yield f"<dt>Note</dt><dd>{_text(said)}</dd>"
    yield "</dl>"


def _statement(statement: Statement) -> Iterator[str]:
    said = statement.said
    classes = " ".join(["flash"] * (said.prec == "Z") + ["outside"] * statement.is_outside)
    yield f'<article class="{classes}"><h3>{_text(statement.sender)} to {_text(statement.reader)}: {_text(said.kind)}'
    yield f"<span>{_text(statement.precedence)}</span></h3><dl>"
    yield f"<dt>Written</dt><dd>{_time(said.ts)} by {_text(said.by)}</dd>"
    yield from _bound("Not before", statement.not_before, "nothing it names bounds it")
    yield from _bound("Not after", statement.not_after, "no receipt and no answer in this dossier bounds it")
    if statement.is_outside:
        yield f'<dt></dt><dd class="warn">{CLOCKS_DISAGREE}</dd>'
    for name, value in statement.words:
        yield f'<dt>{_text(name)}</dt><dd class="said"><bdi>{_text(value)}</bdi></dd>'
    yield f'<dt>Exhibit</dt><dd class="soft"><code>{_text(statement.place)}</code></dd></dl></article>'


def _bound(name: str, bound: Bound | None, without: str) -> Iterator[str]:
    if bound is None:
        yield f'<dt>{name}</dt><dd class="soft">{without}</dd>'
    else:
        yield f'<dt>{name}</dt><dd>{_time(bound.at_ms)} <span class="soft">({_text(bound.shown_by)})</span></dd>'


def _how(verdict: Verdict) -> Iterator[str]:
    leaves = sum(finding.leaves for finding in verdict.logs)
    unlisted = leaves - len(verdict.said)
    checked = (_EACH_SIGNATURE if verdict.signatures else _ROOTS_ONLY).format(leaves)
    yield f'<section class="how"><h2>How this was checked</h2><ol>{_STEPS.format(leaves=checked)}</ol>'
    if unlisted > 0:
        yield f"<p>{unlisted} leaves were checked and are not listed one by one: position frames, and what is beyond "
        yield "the first ten thousand of a log.</p>"
    yield f"{_LIMITS}</section>{_FOOTER}"


def _text(text: str) -> str:
    return escape(plain(text))


def _time(at_ms: int) -> str:
    return f"<time>{_text(time_of(at_ms))}</time>"
