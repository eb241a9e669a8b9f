"""A start from an index comes to the same desk as a start from everything that was ever said."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from detente.coordination.charter import Charter
from detente.coordination.table import Table
from detente.coordination.watch import TakeWatch
from detente.desk import hotline, warnings
from detente.engine.engine import Engine
from detente.engine.restore import index_of, restore, restore_by
from detente.evidence.keys import origin, parse_origin
from detente.evidence.leaf import FIRST_PREV, Envelope, Kind, Lane, body_commitment, encode, salt_for
from detente.evidence.log import Receipt
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import b64
from detente.evidence.store import Entry
from detente.release.alerts import AlertTold
from detente.testing.clock import DAY_ZERO
from detente.testing.identities import own_identity
from detente.testing.parties import Character, Side, node_name
from detente.testing.store import MemoryStore
from detente.types import NS_PER_MS, Instant, PartyId, Precedence, Role, instant_ms
from detente.wire.messages import (
    AckBody,
    DisplayedBody,
    EscalationBody,
    HoldBody,
    HotlineBody,
    LineTestBody,
    PolicyBody,
    StandDownBody,
    encode_body,
)

ALFA, BRAVO = PartyId("alfa"), PartyId("bravo")
TABLE = Charter(table="line", title="The line", members=("alfa", "bravo"), agreement="We share.")


@pytest.fixture(autouse=True)
def _little_is_remembered(monkeypatch):
    monkeypatch.setattr(hotline, "SETTLED_RECALLED", 5)
    monkeypatch.setattr(warnings, "CLEARED_KEPT", 3)


@dataclass
class History:
    """What alfa and bravo said to each other, at random, as both logs hold it."""

    rng: random.Random
    ms: int = instant_ms(DAY_ZERO)
    logs: dict[str, list[Entry]] = field(default_factory=dict)
    said: list[tuple[PartyId, str]] = field(default_factory=list)  # of messages and alerts: writer and hash
    alerts: list[AlertTold] = field(default_factory=list)
    tables: dict[PartyId, Table] = field(default_factory=lambda: {p: Table(TABLE, p) for p in (ALFA, BRAVO)})
    number: int = 0

    def say(self, who: PartyId, lane: Lane, kind: Kind, body: bytes, prec="P", re=(), by="operator", back_ms=0) -> str:
        own, to = own_identity(node_name(who)), BRAVO if who == ALFA else ALFA
        name = origin(node_name(who), node_name(to), lane)
        log = self.logs.setdefault(name, [])
        seen = {
            lane: (len(theirs), b64(bytes(32)))
            for lane in (Lane.FLASH, Lane.OPS)
            if (theirs := self.logs.get(origin(node_name(to), node_name(who), lane))) and self.rng.random() < 0.3
        }
        salt = salt_for(own.salt_key, name, len(log))
        envelope = Envelope(
            log=name,
            seq=len(log),
            prev=b64(leaf_hash(log[-1].leaf) if log else FIRST_PREV),
            to=node_name(to),
            ts=self.ms,
            hlc=(self.ms - back_ms, len(log)),
            kind=kind,
            prec=Precedence(prec),
            by=by,
            body=body_commitment(salt, body),
            size=len(body),
            media="application/json",
            pol=b64(bytes(32)),
            re=tuple(re),
            seen=seen,
        )
        log.append(Entry(leaf=encode(envelope, own.env), body=body, salt=salt))
        return b64(leaf_hash(log[-1].leaf))

    def subject_of(self, other_than: PartyId) -> list[str]:
        theirs = [leaf for who, leaf in self.said if who != other_than]
        if not theirs:
            return []
        is_old = self.rng.random() < 0.1
        return [self.rng.choice(theirs if is_old else theirs[-6:])]

    def step(self) -> None:
        rng, who = self.rng, self.rng.choice((ALFA, BRAVO))
        self.ms += rng.choice((1, 40, 900, 20_000, 400_000))
        match rng.choices(
            ("text", "answer", "about", "alert", "over", "hold", "policy", "test", "table", "damaged", "back"),
            (8, 4, 14, 5, 4, 1, 1, 1, 2, 0.5, 0.5),
        )[0]:
            case "text" | "answer" as what:
                prec = rng.choice("ZOPRRRR")
                re = self.subject_of(who) if what == "answer" else []
                body = encode_body(
                    HotlineBody(line="watch", text="On watch.", reason="incursion" if prec == "Z" else None)
                )
                lane = Lane.FLASH if prec == "Z" else Lane.OPS
                self.said.append((who, self.say(who, lane, Kind.HOTLINE, body, prec, re)))
            case "about":
                kind, body = rng.choice(
                    [
                        (Kind.ACK, AckBody(at_ms=self.ms)),
                        (Kind.ACK, AckBody(at_ms=self.ms)),
                        (Kind.DISPLAYED, DisplayedBody(at_ms=self.ms)),
                        (Kind.ESCALATION, EscalationBody(rung=1, at_ms=self.ms, not_answered=True)),
                        (Kind.STAND_DOWN, StandDownBody(reason="resolved_voice", at_ms=self.ms)),
                    ]
                )
                self.say(who, Lane.OPS, kind, encode_body(body), "O", self.subject_of(who))
            case "alert":
                self.number += 1
                told = AlertTold(
                    alert=f"{who}-{self.number}",
                    happening="raised",
                    kind="incursion",
                    level="alarm",
                    at_ms=self.ms,
                    a=None,
                )
                self.alerts.append(told)
                self.said.append((who, self.say(who, Lane.FLASH, Kind.ALERT, encode_body(told), "Z", by="node")))
            case "over" if self.alerts:
                told = self.alerts.pop(rng.randrange(len(self.alerts)))
                over = encode_body(
                    AlertTold(
                        alert=told.alert, happening="cleared", kind="incursion", level="alarm", at_ms=self.ms, a=None
                    )
                )
                who = PartyId(told.alert.split("-")[0])
                self.said.append((who, self.say(who, Lane.OPS, Kind.ALERT, over, by="node")))
            case "hold":
                hold = HoldBody(hold=f"h{rng.randrange(3)}", from_ms=0, to_ms=self.ms, lifted=rng.random() < 0.5)
                self.say(who, Lane.OPS, Kind.HOLD, encode_body(hold))
            case "policy":
                overrides = (b64(rng.randbytes(32)),) * rng.randrange(2)
                self.say(who, Lane.OPS, Kind.POLICY, encode_body(PolicyBody(overrides=overrides)))
            case "test":
                self.say(who, Lane.FLASH, Kind.LINE_TEST, encode_body(LineTestBody(at_ms=self.ms, every_s=3_600)))
            case "table":
                statement, raw = self.tables[who].order(
                    TakeWatch(post="duty", until_ms=self.ms + 3_600_000), Role.OPERATOR, self.ms
                )
                self.tables[BRAVO if who == ALFA else ALFA].hear(statement, raw, who)
                self.say(who, Lane.OPS, Kind.WATCH, raw)
            case "damaged":
                self.say(who, Lane.OPS, rng.choice((Kind.HOTLINE, Kind.ACK)), b'{"line":"nowhere"}')
            case "back":
                self.say(who, Lane.OPS, Kind.DISPLAYED, encode_body(DisplayedBody(at_ms=self.ms)), back_ms=5_000)

    def store(self, sizes: dict[str, int]) -> MemoryStore:
        """Return alfa's disk with so many leaves of each log."""
        store = MemoryStore()
        for name, entries in self.logs.items():
            store.append([(name, 0, entries[: sizes[name]])])
        ours = origin(node_name(ALFA), node_name(BRAVO), Lane.OPS)
        if store.logs.get(ours):
            held = len(store.logs[ours]) // 2
            store.put_receipt(ours, Receipt(held, b"note", self.ms // 1000))
        return store

    def sizes(self, before: dict[str, int]) -> dict[str, int]:
        """Return how far each log has come at alfa's: bravo's newest leaves are on their way, flash longest."""
        lag = {name: 0 if parse_origin(name).writer == node_name(ALFA) else self.rng.randrange(4) for name in self.logs}
        return {name: max(before.get(name, 0), len(log) - lag[name]) for name, log in self.logs.items()}


def standing(engine: Engine, now: Instant) -> dict[str, object]:
    """Return all that a desk shows or goes on from."""
    subjects = engine.subjects
    board = engine.board(Role.LEADER, now)
    return {
        "alerts": board.alerts,
        "messages": (board.messages, board.messages_total, board.flash_said, board.flash_misused),
        "faults": board.faults,
        "tables": (board.tables, engine.tables.view("line", now)),
        "holds": sorted((hold.by, hold.hold, hold.to_ms) for hold in engine.holds.all()),
        "told": engine.policies._heard | {"own": engine.policies._said},
        "numbers": engine._watch.book.last_id,
        "to end": engine._alerting._before,
        "leaves": (subjects.leaf_of, subjects._message_of, subjects._dates),
        "sent": {way: of_way for way, of_way in subjects._sent.items() if of_way},
        "hotline": (subjects.hotline._messages, subjects.hotline._waiting),
        "ladder": {name: one for name, one in subjects.escalations._subjects.items() if one.is_climbing},
        "written after": engine._sessions[BRAVO]._written_after,
    }


class Opened:
    """Alfa's engine as it begins from *store*."""

    def __init__(self, store: MemoryStore) -> None:
        self.side = Side(ALFA, [BRAVO], Character(tables=(TABLE,)), store)
        self.store = store

    def engine(self) -> Engine:
        return Engine(self.side._setup())

    def index(self, engine, folded, before=None):
        return index_of(engine, folded, self.store.read, self.store.bodies_wanted, before)

    def from_everything(self):
        engine = self.engine()
        folded = restore(engine, self.store.read)
        return engine, folded

    def by(self, index):
        engine = self.engine()
        return engine, restore_by(engine, index, self.store.read)


def leaves(index):
    return sum(stop - start for part in index.logs.values() for start, stop in part.runs)


@pytest.mark.parametrize("seed", range(12))
def test_a_start_by_an_index_is_a_start_from_everything(seed):
    history = History(random.Random(seed))
    index, sizes, served = None, {}, 0
    for _ in range(12):
        for _ in range(history.rng.randrange(3, 40)):
            history.step()
        sizes = history.sizes(sizes)
        opened, now = Opened(history.store(sizes)), Instant(history.ms * NS_PER_MS)
        whole, all_folded = opened.from_everything()
        expected = standing(whole, now)
        if index is not None:
            engine, folded = opened.by(index)
            if folded is not None:
                served += 1
                assert standing(engine, now) == expected
                index = opened.index(engine, folded, index)
                continue
        index = opened.index(whole, all_folded)
        engine, folded = opened.by(index)
        assert folded is not None
        assert standing(engine, now) == expected
        assert leaves(index) <= sum(sizes.values())
    assert served
