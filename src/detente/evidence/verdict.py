"""What verification found, and the report that a person reads of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import msgspec

from detente.evidence.bracket import Bound, Brackets, LogTimes
from detente.evidence.dossier import LogListed, Manifest
from detente.evidence.keys import parse_origin
from detente.evidence.run import Said
from detente.types import instant_of_ms, iso_utc

FAILURES_LIMIT: Final = 50
TEXT_LIMIT: Final = 200
"""Leaves that the text lists one by one; the page lists all."""
SKEW_MS: Final = 2_000
"""How far two clocks may differ before a report remarks on it. Source: docs/protocol/link.md, section 7."""

CLOCKS_DISAGREE: Final = "The two sides' clocks contradict each other here; which is wrong, they alone cannot prove."

_PRECEDENCE: Final = {"Z": "FLASH", "O": "IMMEDIATE", "P": "PRIORITY", "R": "ROUTINE"}


class Outcome(Enum):
    """What verification found; the value is the exit code."""

    HOLDS = 0
    FAILS = 1
    UNKNOWN_ROOT = 2


@dataclass(frozen=True)
class Failure:
    """One thing that does not hold: in which exhibit (a log and index, or a file), and why."""

    exhibit: str
    reason: str


@dataclass
class LogFinding:
    """What was found of one log. Times are milliseconds since 1970 UTC by the writer's clock."""

    listed: LogListed
    writer: str
    reader: str
    signed_size: int = 0
    receipt_size: int = 0
    receipt_at_s: int | None = None
    """When the reader says it held the first `receipt_size` leaves, seconds since 1970 UTC."""
    leaves: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    written_ms: tuple[int, int] | None = None
    bodies_missing: list[int] = field(default_factory=list)
    bodies_partial: list[int] = field(default_factory=list)
    """Leaves of whose tree body only some items are shown."""
    post_quantum_size: int = 0
    """How many leaves are under a root that the reader cosigned with ML-DSA-44 too."""
    unlisted: int = 0
    """Leaves that are checked and, for their number, not listed one by one."""

    @property
    def outstanding(self) -> int:
        """How many of the leaves shown have no receipt yet."""
        return max(0, self.listed.stop - max(self.listed.start, self.receipt_size))


@dataclass(frozen=True)
class Verdict:
    """Whether a dossier holds, what it proves, and where it fails."""

    outcome: Outcome
    failures: tuple[Failure, ...]
    logs: tuple[LogFinding, ...] = ()
    manifest: Manifest | None = None
    digits: Mapping[str, str] = field(default_factory=dict)
    """Thirty digits of each root that is one of those typed."""
    signatures: bool = True
    """Whether the signature of each leaf was checked; else the roots over them only."""
    said: tuple[Said, ...] = ()
    """Leaves besides track frames, in the order of their hybrid clocks."""
    times: Mapping[str, LogTimes] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 holds, 1 fails, 2 unknown root."""
        return self.outcome.value

    @property
    def report(self) -> str:
        """The verdict as text that a person reads."""
        return "\n".join(_report(self)) + "\n"


def _report(verdict: Verdict) -> Iterator[str]:
    manifest = verdict.manifest
    if manifest is not None:
        yield f"Dossier made by {plain(manifest.by)} at {time_of(manifest.at)} (its own clock)"
        if manifest.window is not None:
            yield f"Window asked for: {time_of(manifest.window[0])} to {time_of(manifest.window[1])}"
        for listed in manifest.parties:
            # The digits of an unknown root are not shown: they must come from their owner, not from the dossier.
            known = verdict.digits.get(listed.party)
            yield f"Root of {listed.party} ({plain(listed.node)}): {f'{known}, as typed' if known else 'UNKNOWN'}"
    for finding in verdict.logs:
        yield ""
        yield from _report_log(finding)
    if verdict.said:
        yield ""
        yield "What was said, in the order of the record. Times are the writer's own; bounds are by the other's clock."
        for statement in statements(verdict)[:TEXT_LIMIT]:
            yield from _report_said(statement)
        if len(verdict.said) > TEXT_LIMIT:
            yield f"  and {len(verdict.said) - TEXT_LIMIT} more: --html lists them"
    yield ""
    if verdict.outcome is Outcome.HOLDS:
        yield "HOLDS. Each leaf above was written by the party named, in this order, unchanged since; what is receipted"
        yield "was held by its reader at the time stated. It does not prove that what was said is true, nor anything of"
        yield "leaves that are not shown."
        if not verdict.signatures:
            yield "ROOTS ONLY: the roots over the leaves and the receipts are signed as said; the signature of each"
            yield "single leaf was not checked. Check again without --signatures roots-only before relying on one leaf."
        return
    word = "UNKNOWN ROOT: nothing is proved." if verdict.outcome is Outcome.UNKNOWN_ROOT else "FAILS."
    yield f"{word} {len(verdict.failures)} found{', more not counted' * (len(verdict.failures) == FAILURES_LIMIT)}:"
    for failure in verdict.failures:
        yield f"  {plain(failure.exhibit)}: {plain(failure.reason)}"


def _report_log(finding: LogFinding) -> Iterator[str]:
    listed = finding.listed
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(finding.kinds.items()))
    yield f"Log {listed.origin}: {finding.writer} to {finding.reader}"
    yield f"  leaves [{listed.start}, {listed.stop}) under a root signed at {finding.signed_size}: {kinds or 'none'}"
    if finding.written_ms is not None:
        first, last = map(time_of, finding.written_ms)
        yield f"  written {first} to {last} by the writer's clock"
    if finding.receipt_at_s is not None:
        held = time_of(finding.receipt_at_s * 1000)
        yield f"  {finding.reader} says it held the first {finding.receipt_size} not later than {held}"
    for said in caveats(finding):
        yield f"  {said}"


def caveats(finding: LogFinding) -> Iterator[str]:
    """Yield what of a log is not receipted, not shown or not there, and what else its reader should know."""
    listed = finding.listed
    if finding.post_quantum_size:
        yield f"{finding.reader} cosigned the first {finding.post_quantum_size} with ML-DSA-44 too"
    if finding.outstanding:
        yield f"sent, receipt outstanding: {finding.outstanding} leaves"
    shown = [f"[0, {listed.start})"] if listed.start else []
    shown += [f"[{listed.stop}, {listed.held})"] if listed.held > listed.stop else []
    if shown:
        yield f"not shown: {' and '.join(shown)}"
    if partial := finding.bodies_partial:
        yield f"bodies shown in part: {len(partial)}; each item shown is of the body that its leaf commits to"
    if missing := finding.bodies_missing:
        named = ", ".join(map(str, missing[:20])) + (", …" if len(missing) > 20 else "")
        yield f"bodies missing: {len(missing)} (leaves {named}); a leaf still proves when, size and policy"


def _report_said(statement: Statement) -> Iterator[str]:
    said = statement.said
    yield (
        f"  {time_of(said.ts)}  {statement.precedence}  {statement.sender} to {statement.reader}: {said.kind} "
        f"by {said.by}  ({statement.place})"
    )
    for word, bound in (("not before", statement.not_before), ("not after", statement.not_after)):
        if bound is not None:
            yield f"      {word} {time_of(bound.at_ms)}: {bound.shown_by}"
    if statement.is_outside:
        yield f"      {CLOCKS_DISAGREE}"
    for name, value in statement.words:
        yield f"      {name}: {value}"


REPORT_TLP: Final = "amber_strict"
"""The marking of a report that names none: the strictest that lets its readers have it."""


@dataclass(frozen=True)
class Statement:
    """One leaf as a person reads it: who to whom, in the parties' names; text in which nothing hides."""

    said: Said
    sender: str
    reader: str
    precedence: str
    place: str
    not_before: Bound | None
    not_after: Bound | None
    words: tuple[tuple[str, str], ...]

    @property
    def is_outside(self) -> bool:
        """Whether the writer's own time is outside the bounds, by more than clocks may differ."""
        ts, before, after = self.said.ts, self.not_before, self.not_after
        return (before is not None and ts < before.at_ms - SKEW_MS) or (
            after is not None and ts > after.at_ms + SKEW_MS
        )


def statements(verdict: Verdict) -> list[Statement]:
    """Return what was said, in the order of the record, with the bounds of each."""
    brackets = Brackets(verdict.times)
    parties = {listed.node: listed.party for listed in verdict.manifest.parties} if verdict.manifest else {}
    places = {said.digest: f"{parse_origin(said.log).lane} leaf {said.index}" for said in verdict.said}
    found = []
    taken_back = _taken_back(verdict.said)
    for said in verdict.said:
        parts = parse_origin(said.log)
        words = [("answers", places.get(digest, f"a leaf that is not listed ({digest})")) for digest in said.re]
        if said.exp is not None:
            words.append(("expires", time_of(said.exp)))
        found.append(
            Statement(
                said=said,
                sender=parties.get(parts.writer, parts.writer),
                reader=parties.get(parts.reader, parts.reader),
                precedence=_PRECEDENCE.get(said.prec, said.prec),
                place=f"{places[said.digest]}, {said.digest}",
                not_before=brackets.not_before(said),
                not_after=brackets.not_after(said),
                words=(*_marking(said, taken_back), *words, *_words(said)),
            )
        )
    return found


def _act(said: Said) -> dict[str, object]:
    """Return the act at a table that a leaf holds, as plain JSON; empty for any other leaf."""
    try:
        fields = msgspec.json.decode(said.body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    act = fields.get("act") if isinstance(fields, dict) else None
    return {**act, "table": fields.get("table"), "party": fields.get("party")} if isinstance(act, dict) else {}


def _taken_back(said: Sequence[Said]) -> set[tuple[object, object, object]]:
    """Return of which material (table, originator, its number) the consent was taken back by the end of the dossier."""
    consents: dict[tuple[object, object, object], bool] = {}
    for act in map(_act, said):
        if act.get("act") == "report.consent":
            consents[act["table"], act["party"], str(act.get("material"))] = act.get("consents") is True
    return {material for material, consents_now in consents.items() if not consents_now}


def _marking(said: Said, taken_back: set[tuple[object, object, object]]) -> Iterator[tuple[str, str]]:
    """Yield how far a report may go and whose it is, first of all that is said of it; nothing for any other leaf."""
    act = _act(said)
    if act.get("act") not in ("report.share", "report.share_point"):
        return
    marking = act.get("marking")
    tlp = marking.get("tlp", REPORT_TLP) if isinstance(marking, dict) else REPORT_TLP
    parts = [f"TLP:{str(tlp).upper().replace('_', '+')}"]
    if act.get("originator") != act["party"]:
        parts.append(f"ORIGINATOR {str(act.get('originator')).upper()}")
    if (act["table"], act.get("originator"), str(act.get("material"))) in taken_back:
        parts.append("CONSENT TAKEN BACK: PASS ON NO FURTHER")
    yield "marking", plain(" // ".join(parts))


def _words(said: Said) -> Iterator[tuple[str, str]]:
    """Yield the body's fields with their names; a body that is no such text is named by its type and length."""
    if said.body is None:
        yield "body", f"{said.size} bytes of {said.media}, not shown here"
        return
    try:
        fields = msgspec.json.decode(said.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        yield "body", plain(said.body.decode("utf-8", "replace"))
        return
    for name, value in fields.items():
        yield plain(str(name)), plain(_spelled(str(name), value))


def _spelled(name: str, value: object) -> str:
    """The unit ends a name: an instant and a place are spelled as people write them, all else as it stands."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if name.endswith("at_ms"):
            return time_of(value)
        if name.endswith("itude_e7"):
            return f"{value / 1e7:.7f}°"
    return msgspec.json.encode(value).decode()


def plain(text: str) -> str:
    """Return *text* with every character that does not show, or turns the line about, written as its number."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def time_of(at_ms: int) -> str:
    """Return milliseconds since 1970 UTC as ISO 8601; a time that no calendar holds as its number."""
    try:
        return iso_utc(instant_of_ms(at_ms))
    except OverflowError:
        return f"{at_ms} ms after 1970"
