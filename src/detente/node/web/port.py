"""What the console asks of the node, and no more. The node fills it; the development desk of the tests fills it too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from detente.coordination.activity_acts import AnyActivityAct
from detente.coordination.activity_rows import Draft
from detente.coordination.plan import Volume
from detente.coordination.view import TableView
from detente.desk.answers import LogHead, Page, PolicyCheck, PolicyView, Preview, RecordEntry, RulePrecision, WhyTold
from detente.desk.board import AlertRow, Board, MessageRow
from detente.desk.explanation import Explanation
from detente.desk.orders import AnyOrder
from detente.desk.record_view import (
    DossierAsked,
    DossierChecked,
    Kept,
    LeafPage,
    LeavesAsked,
    LinkSamples,
    LogRow,
    Portion,
    ProofParts,
    SaidPage,
)
from detente.desk.release_view import ReleaseView


class RecordPort(Protocol):
    """What reads the record for a desk: `detente.node.records.Records`, or a fake. Called in threads; each may wait."""

    def logs(self) -> list[LogRow]: ...
    def leaves(self, asked: LeavesAsked) -> LeafPage: ...
    def raw(self, log: str, start: int, stop: int) -> bytes: ...
    def proof(self, log: str) -> ProofParts: ...
    def plan(self, asked: DossierAsked) -> list[Portion]: ...
    def dossier(self, asked: DossierAsked, at_ms: int) -> tuple[list[Portion], bytes]: ...
    def check(self, raw: bytes) -> DossierChecked: ...


class ReplayPort(Protocol):
    """What can be shown again: `detente.node.replays.Replays`, or a fake. It changes nothing."""

    async def kept(self) -> Kept:
        """Return of what times the picture is kept."""
        ...

    async def frames(self, from_ms: int, step_ms: int, count: int) -> bytes:
        """Return at most *count* frames, each after its length as uint32 little-endian."""
        ...

    async def said(self, from_ms: int, to_ms: int) -> SaidPage:
        """Return what was said in a window; raises OrderRefused ``not_a_window`` or ``record_unreadable``."""
        ...


class DeskPort(Protocol):
    """One node's desk. Every method is called on the node's own event loop; only four may wait."""

    @property
    def replays(self) -> ReplayPort:
        """What this desk may have shown again."""
        ...

    def roles(self) -> Sequence[str]:
        """Return the seats a demo account may take, the usual one first. Empty: no demo accounts, nobody signs in."""
        ...

    def board(self, role: str) -> Board:
        """Return the newest board as *role* may see it."""
        ...

    def alerts(self, after: int, most: int) -> Page[AlertRow]:
        """Return at most *most* alerts from the index *after* on, in the board's order."""
        ...

    def messages(self, after: int, most: int) -> Page[MessageRow]:
        """Return at most *most* messages from the index *after* on, newest first."""
        ...

    def frame(self) -> bytes | None:
        """Return the newest track frame, the same object until there is a newer one; None before the first."""
        ...

    def codebook(self) -> Mapping[str, Any]:
        """Return the codebook (`version`, `reasons`, `phrases` …) as agreed; without phrases coding is switched off."""
        ...

    def preview(self, peer: str) -> Preview:
        """Return what *peer* would see; raises OrderRefused when there is no such peer."""
        ...

    def why_told(self, peer: str, subject: str) -> WhyTold:
        """Return why *peer* is told of a track, an alert or a report; raises OrderRefused for what is not here."""
        ...

    def policy(self) -> PolicyView:
        """Return the release policy in force."""
        ...

    def check_policy(self, text: str) -> PolicyCheck:
        """Return what *text* would change; raises OrderRefused ``not_a_policy``."""
        ...

    async def precision(self, text: str) -> list[RulePrecision]:
        """Return what a patient peer can know under the policy *text*, empty: that in force; raises OrderRefused."""
        ...

    def table(self, table: str) -> TableView:
        """Return everything that stands at *table*; raises OrderRefused when this party does not sit at it."""
        ...

    def release(self, peer: str) -> ReleaseView:
        """Return what leaves for *peer*, rule by rule; raises OrderRefused when there is no such peer."""
        ...

    def explain(self, alert: str) -> Explanation:
        """Return why *alert* stands on the desk; raises OrderRefused when there is no such alert."""
        ...

    def records(self) -> RecordPort:
        """Return what reads the record; raises OrderRefused ``no_record`` where there is none to read."""
        ...

    def exported(self, role: str, portions: Sequence[Portion]) -> None:
        """Put on record that *role* took these parts of the record away."""
        ...

    def history(self, peer: str) -> LinkSamples:
        """Return how the link to *peer* was of late; no samples for a party that is no peer."""
        ...

    def log_heads(self) -> Sequence[LogHead]:
        """Return every log of the record, as it is on the disk."""
        ...

    async def entries(self, log: str, after: int, most: int) -> Page[RecordEntry]:
        """Return at most *most* leaves of *log* from the index *after* on; raises OrderRefused ``unknown_log``."""
        ...

    def draft(self, table: str, act: AnyActivityAct, role: str) -> Draft:
        """Return what *act* would meet at *table* before it is sent; raises OrderRefused when it is about nothing."""
        ...

    def place(self, table: str, activity: str, role: str) -> Sequence[Volume]:
        """Return the place of what is protected, and put on record that *role* read it; raises OrderRefused."""
        ...

    def numbers(self) -> Mapping[str, float]:
        """Return counters and gauges by metric name, for `/metrics`; empty: no such page."""
        ...

    async def order(self, order: AnyOrder, role: str, account: str = "") -> Mapping[str, Any]:
        """Carry out *order* as given by *role* from *account*; raises OrderRefused with its code."""
        ...

    async def wait(self, version: int) -> int:
        """Return the desk's version once it is beyond *version*; each new board or frame raises it. Start at 0."""
        ...


class Changes:
    """Tells many waiting browsers that something is new. A `DeskPort.wait` is one of these."""

    def __init__(self) -> None:
        self._version = 0
        self._next = asyncio.Event()

    def bump(self) -> None:
        """Say that there is a newer board or frame."""
        self._version += 1
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, version: int) -> int:
        """Return the version once it is beyond *version*."""
        while self._version <= version:
            await self._next.wait()
        return self._version
