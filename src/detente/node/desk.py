"""The node's side of the console: what the web server asks for, answered from the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from detente.coordination.activity_acts import AnyActivityAct
from detente.coordination.activity_rows import Draft
from detente.coordination.plan import Volume
from detente.coordination.view import TableView
from detente.desk.answers import (
    KnownRow,
    LogHead,
    Page,
    PolicyCheck,
    PolicyView,
    Preview,
    RecordEntry,
    RulePrecision,
    WhyTold,
    Withheld,
)
from detente.desk.board import AlertRow, Board, MessageRow
from detente.desk.explanation import Explanation
from detente.desk.orders import AnyOrder
from detente.desk.record_view import LinkSamples, Portion
from detente.desk.release_view import ReleaseView
from detente.engine.engine import Engine
from detente.engine.values import OrderGiven
from detente.errors import OrderRefused
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import b64
from detente.evidence.store import LeafStore
from detente.node.clock import Clock
from detente.node.inbox import Inbox
from detente.node.link_history import LinkHistory
from detente.node.replays import Replays
from detente.node.web.port import Changes, RecordPort
from detente.release.inference import Precision, precision
from detente.types import PartyId, Role

PRECISION_SEED: Final = 1
PRECISION_KEPT: Final = 16


class Desk:
    """A `DeskPort`. Boards are made when a browser asks, once for each version and role, never for nobody."""

    def __init__(
        self,
        engine: Engine,
        inbox: Inbox,
        clock: Clock,
        roles: Sequence[Role],
        note_read: Callable[[str, str, str], None],
        store: LeafStore,
        records: RecordPort,
        note_export: Callable[[str, Sequence[Portion]], None],
        replays: Replays,
    ) -> None:
        self._records = records
        self._note_export = note_export
        self._note_read = note_read  # of whom, at which table, of which activity the place was read
        self._engine = engine
        self._inbox = inbox
        self._clock = clock
        self._store = store
        self._roles = [role.value for role in roles]
        self._changes = Changes()
        self._frame: bytes | None = None
        self._boards: dict[str, Board] = {}
        self._links = LinkHistory()
        self.replays = replays
        self._precision: dict[str, list[Precision]] = {}

    def roles(self) -> Sequence[str]:
        return self._roles

    def board(self, role: str) -> Board:
        if role not in self._boards:
            self._boards[role] = self._engine.board(Role(role), self._clock.now())
        return self._boards[role]

    def alerts(self, after: int, most: int) -> Page[AlertRow]:
        return self._engine.alert_page(after, most)

    def messages(self, after: int, most: int) -> Page[MessageRow]:
        return self._engine.message_page(after, most)

    def frame(self) -> bytes | None:
        return self._frame

    def codebook(self) -> Mapping[str, Any]:
        return self._engine.codebook.content

    def preview(self, peer: str) -> Preview:
        now = self._clock.now()
        frame, withheld = self._engine.preview(PartyId(peer), now)
        return Preview(peer, now // 1_000_000, frame, [Withheld(label, rule) for label, rule in withheld])

    def why_told(self, peer: str, subject: str) -> WhyTold:
        return self._engine.why_told(PartyId(peer), subject, self._clock.now())

    def policy(self) -> PolicyView:
        return self._engine.policy_view(self._clock.now())

    def check_policy(self, text: str) -> PolicyCheck:
        return self._engine.check_policy(text, self._clock.now())

    async def precision(self, text: str) -> list[RulePrecision]:
        policy = self._engine.policies.read(text) if text else self._engine.policies.in_force
        if policy.digest not in self._precision:
            # A second or more of arithmetic; the same seed, so that the same policy has the same figures.
            found = await asyncio.to_thread(precision, policy, np.random.default_rng(PRECISION_SEED))
            self._precision = dict([*self._precision.items(), (policy.digest, found)][-PRECISION_KEPT:])
        return [precision_row(one) for one in self._precision[policy.digest]]

    def table(self, table: str) -> TableView:
        return self._engine.tables.view(table, self._clock.now())

    def release(self, peer: str) -> ReleaseView:
        return self._engine.release_view(PartyId(peer))

    def explain(self, alert: str) -> Explanation:
        return self._engine.explain(alert)

    def records(self) -> RecordPort:
        if self._records is None:
            raise OrderRefused("no_record", "this node has no record to read")
        return self._records

    def exported(self, role: str, portions: Sequence[Portion]) -> None:
        self._note_export(role, portions)

    def history(self, peer: str) -> LinkSamples:
        return self._links.of(peer)

    def log_heads(self) -> Sequence[LogHead]:
        logs = self._engine.logs()
        heads: list[LogHead] = []
        for party in self._engine.peers():
            both = (self._engine.written(party), True), (self._engine.mirrored(party), False)
            for log, own in ((log, own) for of_side, own in both for log in of_side):
                del logs[log.origin]
                root = b64(log.tree.root())
                heads.append(LogHead(log.origin, party, own, log.size, root, log.receipt_size if own else 0))
        # Of an epoch that is over only the record knows the leaves.
        if self._store is not None:
            for origin, (party, own, _) in logs.items():
                tree = self._store.tree(origin)
                receipt = self._store.receipt(origin) if own else None
                heads.append(LogHead(origin, party, own, tree.size, b64(tree.root()), receipt.size if receipt else 0))
        return heads

    async def entries(self, log: str, after: int, most: int) -> Page[RecordEntry]:
        found = self._engine.logs().get(log)
        if found is None or self._store is None:
            raise OrderRefused("unknown_log", f"this node holds no log {log[:200]!r}")
        size = found[2]
        read = await asyncio.to_thread(self._store.read, log, after, min(after + most, size))
        rows = [
            RecordEntry(
                seq,
                b64(leaf_hash(entry.leaf)),
                entry.leaf.decode("utf-8", "replace"),
                None if entry.body is None else b64(entry.body),
                b64(entry.salt),
            )
            for seq, entry in enumerate(read, after)
        ]
        end = after + len(rows)
        return Page(rows, end if rows and end < size else None, size)

    def draft(self, table: str, act: AnyActivityAct, role: str) -> Draft:
        return self._engine.tables.draft(table, act, Role(role), self._clock.now())

    def place(self, table: str, activity: str, role: str) -> Sequence[Volume]:
        place = self._engine.tables.place(table, activity)
        self._note_read(role, table, activity)
        return place

    def numbers(self) -> Mapping[str, float]:
        return self._engine.numbers()

    async def order(self, order: AnyOrder, role: str, account: str = "") -> Mapping[str, Any]:
        return await self._inbox.ask(OrderGiven(order, Role(role), account))

    async def wait(self, version: int) -> int:
        return await self._changes.wait(version)

    def show(self, frame: bytes | None) -> None:
        """Tell the browsers that the board, or the picture with it, is newer."""
        now = self._clock.now()
        if self._links.is_due(now):
            self._links.take(self._engine.peer_rows(now), now)
        if frame is not None:
            self._frame = frame
            self.replays.take(frame)
        self._boards.clear()
        self._changes.bump()


def precision_row(one: Precision) -> RulePrecision:
    """Return *one* rule's precision as the API gives it."""
    return RulePrecision(
        rule=one.rule + 1,
        name=one.name,
        gives=one.gives,
        promised_m=one.promised_m,
        effective_m=one.effective_m,
        known=[KnownRow(k.after_s, k.straight_m, k.turning_m, k.anchored_m) for k in one.known],
        late_straight_m=one.late_straight_m,
        late_turning_m=one.late_turning_m,
        holds=one.holds,
        advice=one.advice,
    )
