"""The table of a night, as `docs/reliability.md` holds it."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos.disk import Full, Rot
from chaos.judge import Verdict
from chaos.night import Tally, seconds
from chaos.syscalls import Injected

BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"


@dataclass
class Findings:
    """All that one night came to. A part that was left out says why in *skipped*."""

    command: str
    day: str
    tallies: dict[str, Tally] = field(default_factory=dict)
    verdict: Verdict | None = None
    acknowledged: int = 0
    injected: dict[str, Injected] = field(default_factory=dict)
    full: Full | None = None
    rot: Rot | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    took_s: float = 0.0

    @property
    def broken(self) -> list[str]:
        """What did not hold, in words."""
        parts = [*self.tallies.items(), *self.injected.items(), ("full disk", self.full)]
        found = [f"{name}: {what}" for name, part in parts if part is not None for what in part.broken]
        if self.rot is not None and self.rot.served_altered:
            found.append(f"bit flips: {self.rot.served_altered} altered and nothing tells")
        if self.verdict is not None and not self.verdict.holds:
            found.append(f"records: {self.verdict}")
        return found

    def table(self) -> str:
        """Return the Markdown between the two marks."""
        lines = [
            self._head(),
            "",
            "| fault | times | FLASH heard after it, s (p50 / p99) | then its receipt, s | start, s | did not hold |",
            "|---|---|---|---|---|---|",
        ]
        for name, tally in self.tallies.items():
            lines.append(
                f"| {name} | {tally.done} | {seconds(tally.flash_heard_s)} | {seconds(tally.flash_held_s)} "
                f"| {seconds(tally.start_s)} | {len(tally.broken)} |"
            )
        lines += ["", *self._rows()]
        if self.broken:
            lines += ["", "What did not hold:", "", *(f"- {what[:300]}" for what in self.broken[:20])]
        return "\n".join(lines)

    def _head(self) -> str:
        cores, python = os.cpu_count(), platform.python_version()
        return (
            f"`{self.command}`, {self.day}, {cores} cores (shared with other work), Python {python}, "
            f"{self.took_s / 60:.0f} minutes."
        )

    def _rows(self) -> Sequence[str]:
        lines = ["| what was looked at | found |", "|---|---|"]
        if self.verdict is not None:
            v = self.verdict
            lines.append(
                f"| both records after it all: {v.leaves} leaves, {v.said} sayings | lost {len(v.lost)}, "
                f"doubled {len(v.doubled)}, out of order {len(v.out_of_order)}, logs whose roots differ "
                f"{len(v.roots_differ)}, receipts outstanding {len(v.unreceipted)}; {v.ahead} of the last moment |"
            )
            lines.append(f"| of them acknowledged at the desk that they came to | {self.acknowledged} |")
        for name, part in self.injected.items():
            lines.append(
                f"| {name}: {part.faults} faults at {part.calls} calls | refused with a reason {part.refused}, killed "
                f"{part.killed}, went on {part.went_on}, did not hold {len(part.broken)} |"
            )
        if self.full is not None:
            f = self.full
            lines.append(
                f"| full disk | {f.flash_said} FLASHes: {f.refused} refused with a reason, {f.flash_crossed} shown "
                f"at the other desk; the node {'went on' if f.is_alive else 'ended'} |"
            )
        if self.rot is not None:
            r = self.rot
            lines.append(
                f"| {r.flips} single bits turned in a stopped node's record | refused at the start "
                f"{r.refused_to_start}, found by hash {r.found_by_hash}, leaves gone (the peer says so) "
                f"{r.found_by_peer}, a body gone and declared so {r.body_gone}, nothing read it {r.harmless}, "
                f"altered and nothing tells {r.served_altered} |"
            )
        lines += [f"| {name} | left out: {why} |" for name, why in self.skipped.items()]
        return lines

    def write(self, page: Path) -> None:
        """Put the table between the marks of *page*."""
        text = page.read_text("utf-8")
        before, _, rest = text.partition(BEGIN)
        after = rest.partition(END)[2]
        page.write_text(f"{before}{BEGIN}\n{self.table()}\n{END}{after}", "utf-8")
