"""What verification found, and the report that a person reads of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from detente.evidence.bracket import LogTimes
from detente.evidence.dossier import LogListed, Manifest
from detente.evidence.run import Said
from detente.types import instant_of_ms, iso_utc

FAILURES_LIMIT: Final = 50


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


def _time(at: int) -> str:
    return iso_utc(instant_of_ms(at))


def _report(verdict: Verdict) -> Iterator[str]:
    manifest = verdict.manifest
    if manifest is not None:
        yield f"Dossier made by {manifest.by} at {_time(manifest.at)} (its own clock)"
        if manifest.window is not None:
            yield f"Window asked for: {_time(manifest.window[0])} to {_time(manifest.window[1])}"
        for listed in manifest.parties:
            # The digits of an unknown root are not shown: they must come from their owner, not from the dossier.
            known = verdict.digits.get(listed.party)
            yield f"Root of {listed.party} ({listed.node}): {f'{known}, as typed' if known else 'UNKNOWN'}"
    for finding in verdict.logs:
        yield ""
        yield from _report_log(finding)
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
        yield f"  {failure.exhibit}: {failure.reason}"


def _report_log(finding: LogFinding) -> Iterator[str]:
    listed = finding.listed
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(finding.kinds.items()))
    yield f"Log {listed.origin}: {finding.writer} to {finding.reader}"
    yield f"  leaves [{listed.start}, {listed.stop}) under a root signed at {finding.signed_size}: {kinds or 'none'}"
    if finding.written_ms is not None:
        yield f"  written {_time(finding.written_ms[0])} to {_time(finding.written_ms[1])} by the writer's clock"
    if finding.receipt_at_s is not None:
        held = _time(finding.receipt_at_s * 1000)
        yield f"  {finding.reader} says it held the first {finding.receipt_size} not later than {held}"
    if finding.outstanding:
        yield f"  sent, receipt outstanding: {finding.outstanding} leaves"
    shown = [f"[0, {listed.start})"] if listed.start else []
    shown += [f"[{listed.stop}, {listed.held})"] if listed.held > listed.stop else []
    if shown:
        yield f"  not shown: {' and '.join(shown)}"
    if finding.post_quantum_size:
        yield f"  {finding.reader} cosigned the first {finding.post_quantum_size} with ML-DSA-44 too"
    if partial := finding.bodies_partial:
        yield f"  bodies shown in part: {len(partial)}; each item shown is of the body that its leaf commits to"
    if missing := finding.bodies_missing:
        named = ", ".join(map(str, missing[:20])) + (", …" if len(missing) > 20 else "")
        yield f"  bodies missing: {len(missing)} (leaves {named}); a leaf still proves when, size and policy"
