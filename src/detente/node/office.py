"""The node's work beside the engine: keys that change, acts and their witnesses, the slow reading again of the record.

Nothing here decides what is said to anybody or shown as an alert. It watches over the record, and what it finds it says
at the desk and notes in the log of acts.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import structlog

from detente.config import Config
from detente.desk.orders import ConfirmPolicy, MarkAlert, ProposePolicy
from detente.desk.record_view import Portion
from detente.engine.engine import Engine
from detente.engine.values import (
    AdmitKeys,
    ClockStepped,
    Input,
    KeysReplaced,
    Noticed,
    OrderGiven,
    PolicySet,
    Vouched,
    VouchSaid,
)
from detente.errors import DetenteError, OrderRefused, PeerFault
from detente.evidence.audit import Act, Offer
from detente.evidence.keys import KeyChain, parse_origin
from detente.evidence.leaf import Lane, is_body_of, read
from detente.evidence.note import b64, unb64
from detente.evidence.retention import DAY_MS, old_bodies
from detente.evidence.store import LeafStore
from detente.link.frames import Audit, Challenge, Copy, Proof, Want, Witnessed
from detente.link.session import Session
from detente.link.transitions import State
from detente.link.vouch import proof_of
from detente.node.acts import Acts
from detente.node.clock import Clock
from detente.node.highwater import HighWater
from detente.node.inbox import Inbox
from detente.node.keyring import Keyring, Paired, keep_statements, load_keyring
from detente.node.scrub import Damage, scrub
from detente.node.sqlite import SqliteStore
from detente.node.starting import INDEX_KEY
from detente.types import NS_PER_MS, PartyId, instant_ms

log = structlog.get_logger()

_TURN_S: Final = 1.0
_OFFER_EVERY: Final = 30  # turns: a peer that was away is offered the log of acts again
_RETENTION_EVERY: Final = 3_600
_FIRST_INDEX_S: Final = 5.0  # a node that is killed again and again renews its start index too
_INDEX_S: Final = 60.0
_FIRST_SCRUB_S: Final = 60.0
_BETWEEN_BATCHES_S: Final = 0.05
_ANSWER_S: Final = 30.0
_SILENCES: Final = 2
_REPAIRS_ASKED: Final = 64


class PumpPort(Protocol):
    """What the office asks of the pump."""

    def go_on_with(self, sessions: Mapping[PartyId, Session], parties: Sequence[PartyId]) -> None:
        """Replace sessions, and let their links open anew."""
        ...

    async def on_disk(self, write: Callable[[], None]) -> None:
        """Do *write* in the thread that writes the record."""
        ...


@dataclass
class Keys:
    """The keys in force: ours, and each peer's. The office replaces what it holds when they change."""

    directory: Path
    own: Keyring
    paired: dict[PartyId, Paired]

    def chains(self) -> dict[str, KeyChain]:
        """Return the chain of each node by name."""
        chains: dict[str, KeyChain] = {self.own.node: self.own.chain}
        return chains | {p.keys.node: p.keys.chain for p in self.paired.values()}


@dataclass(frozen=True)
class _Challenged:
    party: PartyId
    log: str
    seq: int
    nonce: bytes
    at: float


class Office:
    """One node's. `run` works until cancelled."""

    def __init__(
        self,
        config: Config,
        keys: Keys,
        acts: Acts,
        store: SqliteStore,
        record: Path,
        high_water: HighWater,
        engine: Engine,
        inbox: Inbox,
        clock: Clock,
        sessions: Callable[[], Mapping[PartyId, Session]],
        start_index: Callable[[LeafStore], bytes | None] = lambda _: None,
    ) -> None:
        self._config, self._keys, self._acts = config, keys, acts
        self._store, self._record, self._high_water = store, record, high_water
        self._engine, self._inbox, self._clock, self._sessions = engine, inbox, clock, sessions
        self._start_index = start_index
        self.pump: PumpPort | None = None
        self._keys_seen = self._keys_stamp()
        self._challenged: dict[PartyId, _Challenged] = {}
        self._challenges = 0
        self._silences: Counter[PartyId] = Counter()
        self._wanted: dict[tuple[str, int], Damage] = {}
        self._mending: set[asyncio.Task[None]] = set()
        self._holds: frozenset[str] = frozenset()
        self._policy = engine.policy_digest

    async def run(self) -> None:
        """Watch over the record until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._acts.run())
            tasks.create_task(self._scrub_again_and_again())
            tasks.create_task(self._turn_again_and_again())
            tasks.create_task(self._renew_start_index())

    async def _turn_again_and_again(self) -> None:
        turn = 0
        while True:
            try:
                await self._turn(turn)
            except DetenteError as fault:
                self.notice("office", f"the record's watch: {fault}")
            turn += 1
            await asyncio.sleep(_TURN_S)

    async def _turn(self, turn: int) -> None:
        now = self._clock.now()
        self._take_over_keys()
        self._note_holds()
        self.notice("acts", self._acts.fault)
        if await self._acts.close_hour(now) or turn % _OFFER_EVERY == 0:
            self._offer_acts()
        if turn % max(1, round(self._config.record.challenge_s)) == 0:
            self._challenge()
        self._miss_answers()
        if turn % _RETENTION_EVERY == _RETENTION_EVERY // 2:
            await self.forget_old_bodies()

    def started(self, behind: Mapping[str, str]) -> None:
        """Note the start, and say what the high-water mark found *behind* it, by log."""
        keys, policy = self._keys.own, self._engine.policy_digest
        self._acts.note(Act.START, digest=keys.statement_digest, epoch=keys.statement.epoch)
        self._policy = policy
        self._acts.note(Act.POLICY, digest=policy)
        for origin, why in behind.items():
            self.notice(f"behind {origin}", f"ROLLBACK: {why}")
            self._acts.note(Act.ALARM, log=origin, code="rollback")

    def close(self) -> None:
        """Write what waits, at the end."""
        self._acts.note(Act.STOP)
        self._acts.close()
        try:
            self._high_water.write(self._clock.now())
        except DetenteError as fault:
            log.warning("high water", fault=str(fault))

    # --- what the pump tells

    def stored(self, hashes: Mapping[str, tuple[int, Sequence[bytes]]]) -> None:
        """Raise the high-water mark over what is on the disk now. Called in the writer's thread."""
        try:
            self._high_water.raised(hashes, self._clock.now())
        except DetenteError as fault:
            log.warning("high water", fault=str(fault))

    def ordered(self, given: OrderGiven, refused: OrderRefused | None) -> None:
        """Note an order by its name and seat; what it says is in the record, or was refused."""
        name = str(getattr(type(given.order), "__struct_config__").tag)  # noqa: B009 msgspec keeps the wire name there
        if name == "displayed":
            return  # no person's act
        about: dict[str, str | int] = {"order": name}
        if isinstance(given.order, ProposePolicy | ConfirmPolicy):
            about["digest"] = given.order.digest
        if isinstance(given.order, MarkAlert):
            about |= {"alert": given.order.alert[:64], "code": "useful" if given.order.useful else "not_useful"}
        if refused is None:
            self._acts.note(Act.ORDER, given.role.value, about)
        else:
            self._acts.note(Act.REFUSED, given.role.value, about | {"code": refused.code})
        if self._engine.policy_digest != self._policy:
            self._policy_changed(given.role.value)

    def _policy_changed(self, by: str) -> None:
        """Note which release policy is in force from here on."""
        self._policy = self._engine.policy_digest
        self._acts.note(Act.POLICY, by, digest=self._policy)

    def taken(self, given: ClockStepped | PolicySet) -> None:
        """Note that the machine's clock was set, or that another release policy is in force."""
        if isinstance(given, ClockStepped):
            self._acts.note(Act.CLOCK, offset_ms=round(given.by_ns / NS_PER_MS))
        else:
            self._policy_changed("node")

    def noted(self, act: Act, by: str, about: Mapping[str, str | int]) -> None:
        """Note what a person did at the console's door: signed in, stepped up, ended a session."""
        self._acts.note(act, by, about)

    def exported(self, role: str, portions: Sequence[Portion]) -> None:
        """Note which parts of the record a seat took away."""
        for part in portions:
            self._acts.note(Act.EXPORT, role, log=part.log, seq=part.start, leaves=part.stop - part.start)

    def read_place(self, role: str, table: str, activity: str) -> None:
        """Note that a seat read the place of what a party protects."""
        self._acts.note(Act.READ, role, {"table": table, "activity": activity})

    def done(self, effect: AdmitKeys | Vouched) -> None:
        """Keep a peer's new keys, or judge what it says beside the logs."""
        try:
            if isinstance(effect, AdmitKeys):
                self._admit(effect)
            else:
                self._vouched(effect)
        except DetenteError as fault:
            self.notice(f"peer {effect.peer}", f"{effect.peer}: {fault}")

    # --- keys

    def _admit(self, effect: AdmitKeys) -> None:
        before = self._keys.paired[effect.peer].keys
        paired = keep_statements(self._keys.directory, before.node, effect.notes)
        self._keys.paired[effect.peer] = paired
        statement = paired.keys.statement
        self._acts.note(Act.PEER_KEYS, peer=before.node, epoch=statement.epoch, digest=paired.keys.statement_digest)
        moved = f", and another address ({statement.url}), not used before it is configured"
        self.notice(
            f"keys {effect.peer}",
            f"{effect.peer} goes by new keys (statement {statement.epoch}, {paired.keys.statement_digest[:8]}): "
            f"confirm by phone{moved if statement.url != before.statement.url else ''}",
        )
        self._restart([effect.peer])

    def _take_over_keys(self) -> None:
        """Go on under our own new keys when they lie ready: `detente keys rotate` has run meanwhile."""
        stamp = self._keys_stamp()
        if stamp == self._keys_seen:
            return
        newer = load_keyring(self._keys.directory)
        self._keys_seen = stamp
        if newer.statement_digest == self._keys.own.statement_digest:
            return
        self._keys.own = self._acts.keyring = newer
        self._acts.note(Act.KEYS, epoch=newer.statement.epoch, digest=newer.statement_digest)
        self._restart(list(self._keys.paired))
        self._inbox.put(KeysReplaced(newer.statement_note.decode()))

    def _keys_stamp(self) -> tuple[int, int]:
        found = (self._keys.directory / "keys.note").stat()
        return found.st_mtime_ns, found.st_size

    def _restart(self, parties: Sequence[PartyId]) -> None:
        assert self.pump is not None
        sessions = self._sessions()
        self.pump.go_on_with({party: sessions[party] for party in parties}, parties)

    # --- acts and witnesses

    def _offer_acts(self) -> None:
        for party, paired in self._keys.paired.items():
            self._offer(party, self._acts.offer_to(paired.keys.node))

    def _offer(self, party: PartyId, offer: Offer | None) -> None:
        if offer is not None:
            proof = tuple(b64(one) for one in offer.proof)
            self._inbox.put(VouchSaid(party, Audit(offer.note.decode(), offer.old, proof)))

    def _vouched(self, effect: Vouched) -> None:
        peer, frame = self._keys.paired[effect.peer].keys.chain, effect.frame
        match frame:
            case Audit():
                offered = Offer(frame.note.encode(), frame.old, tuple(unb64(one) for one in frame.proof))
                judged = self._acts.judge(peer, offered, self._clock.now())
                if judged.alarm:
                    text = f"{effect.peer} changed its log of acts: {judged.alarm}"
                    self._alarm(f"acts of {effect.peer}", text, peer=peer.node)
                self._inbox.put(VouchSaid(effect.peer, Witnessed(judged.size, judged.lines)))
            case Witnessed(size, lines):
                self._offer(effect.peer, self._acts.heard_witness(peer, size, lines))
            case Proof():
                self._proved(effect.peer, frame)
            case Copy():
                self._came(frame)

    def _alarm(self, what: str, text: str, **about: str | int) -> None:
        self.notice(what, text)
        self._acts.note(Act.ALARM, "node", about)

    # --- does the peer hold what it gave receipts for

    def _challenge(self) -> None:
        for party in self._keys.paired:
            logs = [one for one in self._engine.written(party) if one.receipt_size]
            if not logs or party in self._challenged or not self._is_open(party):
                continue
            self._challenges += 1
            # Not to be guessed by who is asked: from a secret of ours and a count that does not come back.
            seed = f"detente-challenge/v1\n{party}\n{self._challenges}\n{self._clock.now()}".encode()
            nonce = hmac.digest(self._keys.own.salt_key, seed, "sha256")
            at = int.from_bytes(hashlib.sha256(nonce + b"place").digest(), "big")
            asked = logs[at % len(logs)]
            seq = (at >> 8) % asked.receipt_size
            self._challenged[party] = _Challenged(party, asked.origin, seq, nonce, asyncio.get_running_loop().time())
            self._inbox.put(VouchSaid(party, Challenge(asked.origin, seq, b64(nonce))))

    def _miss_answers(self) -> None:
        """Say which peer answers no challenge on an open line. One may have been lost in a short cut; not two running.

        When the line goes down its challenge is forgotten.
        """
        now = asyncio.get_running_loop().time()
        for party, asked in list(self._challenged.items()):
            if not self._is_open(party):
                del self._challenged[party]
            elif now - asked.at > _ANSWER_S:
                del self._challenged[party]
                self._silences[party] += 1
                if self._silences[party] == _SILENCES:
                    text = f"{party} does not show that it holds leaf {asked.seq} of {asked.log}, under its receipt"
                    self._alarm(f"answer {party}", text, log=asked.log, seq=asked.seq, code="unanswered")

    def _is_open(self, party: PartyId) -> bool:
        return self._engine.link_state(party) in {State.UP, State.DEGRADED}

    def _proved(self, party: PartyId, frame: Proof) -> None:
        asked = self._challenged.get(party)
        if asked is None or (asked.log, asked.seq) != (frame.log, frame.seq):
            return
        del self._challenged[party]
        self._silences[party] = 0
        self.notice(f"answer {party}", "")
        entry = self._store.read(asked.log, asked.seq, asked.seq + 1)[0]
        leaf, body = proof_of(entry, asked.nonce)
        # A track's body may have gone by age or never have come; one that we have no more ourselves proves nothing.
        may_lack = not body or (not frame.body and parse_origin(frame.log).lane is Lane.TRACK)
        if frame.leaf != leaf or not (may_lack or frame.body == body):
            part = "the body of leaf" if frame.leaf == leaf else "leaf"
            text = f"{party} gave a receipt for {part} {frame.seq} of {frame.log} and does not hold it"
            self._alarm(f"held {party}", text, log=frame.log, seq=frame.seq)

    # --- reading the record again

    async def _scrub_again_and_again(self) -> None:
        await asyncio.sleep(_FIRST_SCRUB_S)
        while True:
            try:
                await self.scrub()
            except DetenteError as fault:
                self.notice("scrub", f"the record cannot be read again: {fault}")
            await asyncio.sleep(self._config.record.scrub_hours * 3_600)

    async def scrub(self) -> list[Damage]:
        """Read the whole record once, slowly; what is damaged is shown, noted and asked for from the other side."""
        found: list[Damage] = []
        leaves = 0
        reading = await asyncio.to_thread(SqliteStore, self._record, read_only=True)
        try:
            steps = scrub(reading, self._keys.chains())
            while (step := await asyncio.to_thread(next, steps, None)) is not None:
                leaves = leaves + step.leaves if step.found else leaves
                found += step.found
                await asyncio.sleep(_BETWEEN_BATCHES_S)
            total = sum(reading.sizes().values())
        finally:
            reading.close()
        self._acts.note(Act.SCRUB, leaves=total, count=len(found))
        if found:
            self._show_damage(found)
            await self._repair(found)
        else:
            self.notice("scrub", "")
        return found

    async def _renew_start_index(self) -> None:
        """Keep the start index so new that a start, whenever it comes, is a short one."""
        assert self.pump is not None
        wait_s = _FIRST_INDEX_S
        while True:
            await asyncio.sleep(wait_s)
            wait_s = _INDEX_S
            try:
                sealed = await asyncio.to_thread(self._newer_start_index)
                if sealed is not None:
                    await self.pump.on_disk(lambda sealed=sealed: self._store.put_state(INDEX_KEY, sealed))  # type: ignore[misc]
                self.notice("start index", "")
            except DetenteError as fault:
                self.notice("start index", f"the start index cannot be renewed, the next start will be slow: {fault}")

    def _newer_start_index(self) -> bytes | None:
        reading = SqliteStore(self._record, read_only=True)
        try:
            return self._start_index(reading)
        finally:
            reading.close()

    def _show_damage(self, found: list[Damage]) -> None:
        first = found[0]
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        self.notice("scrub", f"DAMAGED RECORD: {first.origin} {first.what} {first.seq}: {first.why}{more}")
        for damage in found[:_REPAIRS_ASKED]:
            self._acts.note(Act.ALARM, log=damage.origin, seq=damage.seq, code=damage.what)

    async def _repair(self, found: list[Damage]) -> None:
        """Ask the other side for its copies; hashes beside good leaves are made anew here."""
        assert self.pump is not None
        for origin in {damage.origin for damage in found if damage.what == "hashes"}:
            await self.pump.on_disk(lambda origin=origin: self._store.mend_hashes(origin))  # type: ignore[misc]
            self._acts.note(Act.REPAIR, log=origin, code="hashes")
        for damage in [one for one in found if one.what in {"leaf", "body"}][:_REPAIRS_ASKED]:
            self._wanted[damage.origin, damage.seq] = damage
            self._inbox.put(VouchSaid(self._other(damage.origin), Want(damage.origin, damage.seq)))
            await asyncio.sleep(_TURN_S)  # a peer answers no faster

    def _other(self, origin: str) -> PartyId:
        ends = parse_origin(origin)[:2]
        return next(party for party, paired in self._keys.paired.items() if paired.keys.node in ends)

    def _came(self, copy: Copy) -> None:
        if self._wanted.pop((copy.log, copy.seq), None) is not None:
            mending = asyncio.get_running_loop().create_task(self._mend(copy))
            self._mending.add(mending)  # the loop alone would let it be collected before it is done
            mending.add_done_callback(self._mending.discard)

    async def _mend(self, copy: Copy) -> None:
        assert self.pump is not None
        try:
            await self.pump.on_disk(lambda: self._put_back(copy))
        except (DetenteError, ValueError) as fault:
            self.notice("repair", f"the peer's copy of leaf {copy.seq} of {copy.log} does not serve: {fault}")
            return
        self._acts.note(Act.REPAIR, log=copy.log, seq=copy.seq, code="leaf")
        self.notice("repair", f"leaf {copy.seq} of {copy.log} was put right from the other side's copy")

    def _put_back(self, copy: Copy) -> None:
        leaf = copy.leaf.encode()
        self._store.put_state(INDEX_KEY, b"")  # what could not be read may count now
        self._store.mend(copy.log, copy.seq, leaf)
        if copy.body:
            salt, body = unb64(copy.salt), unb64(copy.body)
            if not is_body_of(read(leaf), salt, body):
                raise PeerFault("not the body that its leaf commits to")
            self._store.put_body(copy.log, copy.seq, salt, body)

    # --- bodies by age

    async def forget_old_bodies(self) -> int:
        """Delete the bodies that are older than their lane keeps them and that nobody holds; returns how many."""
        assert self.pump is not None
        days = {
            Lane.FLASH: self._config.retention.flash_days,
            Lane.OPS: self._config.retention.ops_days,
            Lane.TRACK: self._config.retention.track_days,
        }
        now_ms, holds, gone = instant_ms(self._clock.now()), self._engine.holds.all(), 0
        for origin in self._store.sizes():
            age = days[parse_origin(origin).lane]
            if not age:
                continue
            for seqs in old_bodies(self._store, origin, now_ms - age * DAY_MS, holds):
                await self.pump.on_disk(lambda seqs=seqs, origin=origin: self._store.forget_bodies(origin, seqs))  # type: ignore[misc]
                gone += len(seqs)
                await asyncio.sleep(_BETWEEN_BATCHES_S)
        if gone:
            self._acts.note(Act.RETENTION, bodies=gone)
        return gone

    def _note_holds(self) -> None:
        """Note holds as they come and go, ours and the peers'."""
        holds = {f"{one.by}/{one.hold}": one for one in self._engine.holds.all()}
        for name in holds.keys() - self._holds:
            one = holds[name]
            self._acts.note(Act.HOLD, hold=one.hold, peer=one.by, from_ms=one.from_ms, to_ms=one.to_ms)
        for name in self._holds - holds.keys():
            by, _, hold = name.partition("/")
            self._acts.note(Act.RELEASE, hold=hold, peer=by)
        self._holds = frozenset(holds)

    # --- words for the desk

    def notice(self, what: str, text: str) -> None:
        event: Input = Noticed(what, text)
        if self._engine.notice(what) != text:
            self._inbox.put(event)
