"""What each side says it wrote and holds, compared: who goes on from where, who lost something, who has two histories.

A writer that finds less of its own log than its reader holds is in ROLLBACK: it appends nothing, fetches its own leaves
back from the reader's mirror and goes on in the same log. Two histories of one log are a FORK: the log is frozen, the
proof is kept across restarts and shown to the other side, and only a new epoch that both agree to ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from detente.errors import OwnFault, PeerFault
from detente.evidence.checkpoint import open_checkpoint
from detente.evidence.keys import origin, parse_origin
from detente.evidence.leaf import Lane
from detente.evidence.note import b64
from detente.link import fork, frames
from detente.link.effects import Effect, Forked, Refused, Transmit
from detente.link.frames import CHANNEL_OF, Code, Fork, Given, GivenChunk, LaneHello, LinkFault
from detente.link.identity import LinkLimits, OwnIdentity, PeerIdentity, Read
from detente.link.mirror import ForkSeen, Mirror
from detente.link.recovery import Recovery
from detente.link.transitions import Event
from detente.link.writer import Writer

Change = Callable[[Event, str], list[Effect]]


def epoch_key(log: str) -> str:
    """Return under which key the store keeps the newest epoch of *log*."""
    return f"epoch {log.rpartition('/')[0]}"


def next_epoch(log: str) -> str:
    """Return the name under which *log* goes on after a fork."""
    parts = parse_origin(log)
    return origin(parts.writer, parts.reader, parts.lane, parts.epoch + 1)


class Settlement:
    """The two directions of every lane, held against what the peer says of them. *elapsed* is in nanoseconds."""

    def __init__(
        self,
        own: OwnIdentity,
        peer: PeerIdentity,
        writers: dict[Lane, Writer],
        mirrors: dict[Lane, Mirror],
        read: Read,
        limits: LinkLimits,
        change: Change,
        forks: Mapping[str, fork.Proof],
    ) -> None:
        self.forks: dict[str, fork.Proof] = dict(forks)  # every log with two histories → the proof
        self.peer_wrote: dict[Lane, int] = {}
        self._own = own
        self._peer = peer
        self._writers = writers
        self._mirrors = mirrors
        self._read = read
        self._limits = limits
        self._change = change
        self._behind: dict[tuple[str, int], str] = {}  # (origin, size said before) → who holds less now
        self._recoveries: dict[Lane, Recovery] = {}
        logs: list[Writer | Mirror] = [*writers.values(), *mirrors.values()]
        for log in logs:
            if log.log.origin in self.forks:
                log.frozen = Code.FORK

    # --- hello

    def epochs(self, lane: Lane) -> tuple[int, int]:
        """Return the epoch of our log and of the peer's, as we count them."""
        return (
            parse_origin(self._writers[lane].log.origin).epoch,
            parse_origin(self._mirrors[lane].log.origin).epoch,
        )

    def resume(self, lane: Lane, said: LaneHello, elapsed: int) -> list[Effect]:
        """Settle one lane from what each side says it wrote and holds."""
        writer, mirror = self._writers[lane], self._mirrors[lane]
        own_epoch, their_epoch = self.epochs(lane)
        effects: list[Effect] = []
        if said.epochs[0] == their_epoch:
            effects += self._resume_mirror(mirror, said)
        if said.epochs[1] == own_epoch:
            effects += self._resume_writer(writer, said, elapsed)
        return [*effects, *self.caught_up()]

    def _resume_mirror(self, mirror: Mirror, said: LaneHello) -> list[Effect]:
        mirror.opened()
        self.peer_wrote[mirror.lane] = said.own[0]
        effects: list[Effect] = []
        if said.own[0] < mirror.log.size:
            effects += self._fell_behind(
                mirror.log.origin,
                mirror.log.size,
                f"{self._peer.node} wrote {mirror.log.size} leaves and has {said.own[0]}",
            )
        if mirror.frozen is Code.FORK:
            effects.append(mirror.show_fork(self.forks[mirror.log.origin]))
        return effects

    def _resume_writer(self, writer: Writer, said: LaneHello, elapsed: int) -> list[Effect]:
        was_forked = writer.frozen is Code.FORK
        effects = self.check_ours(writer, said.have, "hello", ())
        if was_forked:  # what was shown before may have been lost in a cut
            effects += self.show_ours(writer, said.have[0])
        if said.have[0] > writer.log.size and writer.frozen is Code.ROLLBACK:
            self._recoveries[writer.lane] = Recovery(self._own, writer, said, self._read, self._limits)
            effects += self._recoveries[writer.lane].ask(elapsed)
        elif writer.frozen is Code.ROLLBACK:  # what was lost is back, or the peer never had it
            self._recoveries.pop(writer.lane, None)
            writer.frozen = None
        has = min(said.have[0], writer.log.size)
        if has < writer.log.receipt_size:
            effects += self._fell_behind(
                writer.log.origin,
                writer.log.receipt_size,
                f"{self._peer.node} gave a receipt for {writer.log.receipt_size} leaves and holds {has}",
            )
        effects += writer.opened(has, elapsed)
        if said.receipt is not None and writer.lane not in self._recoveries:
            effects += self.receipt(writer, *said.receipt, elapsed)
        return effects

    def closed(self, lane: Lane) -> None:
        """The connection is gone: what was being given back is asked for after the next hello."""
        self._recoveries.pop(lane, None)

    # --- ROLLBACK

    def check_ours(self, writer: Writer, said: tuple[int, str], where: str, proof: tuple[bytes, ...]) -> list[Effect]:
        """Compare what the peer says of a log of ours with our own tree."""
        size, root = said
        log = writer.log.origin
        if size > writer.log.size:
            why = f"{self._peer.node} holds {size} leaves of {log}, we have {writer.log.size}"
            if writer.frozen is None:
                writer.freeze(Code.ROLLBACK)
            return [Refused(Code.ROLLBACK, why), *self._change(Event.ROLLED_BACK, why)]
        if b64(writer.log.tree.root(size)) == root or writer.frozen is Code.FORK:
            return []
        writer.freeze(Code.FORK)
        ours = (writer.log.checkpoint,) if writer.log.checkpoint else ()
        # Our leaf of the last place beside the peer's makes two signed leaves of one place: it answers with both.
        return [
            *self.forked(log, (*ours, *proof)),
            Refused(Code.FORK, f"{log}: the root of {size} leaves in the peer's {where} is not ours"),
            *self.show_ours(writer, size),
        ]

    def _fell_behind(self, log: str, size: int, why: str) -> list[Effect]:
        self._behind[log, size] = why
        return [Refused(Code.ROLLBACK, why), *self._change(Event.ROLLED_BACK, why)]

    def caught_up(self) -> list[Effect]:
        """End a ROLLBACK once what was said before is true again, on both sides."""
        writers = {writer.log.origin: writer for writer in self._writers.values()}
        lanes = {mirror.log.origin: lane for lane, mirror in self._mirrors.items()}
        for log, size in list(self._behind):
            has = (
                writers[log].peer_has
                if log in writers
                else self.peer_wrote.get(lanes[log], 0)
                if log in lanes
                else size
            )
            if has >= size:
                del self._behind[log, size]
        if self._behind or any(writer.frozen is Code.ROLLBACK for writer in self._writers.values()):
            return []
        return self._change(Event.RECOVERED, "what was missing is held again")

    def is_resending(self, lane: Lane) -> bool:
        """Whether our leaves that go now were held by the peer before, by its own receipt."""
        writer = self._writers[lane]
        return writer.sent < writer.log.receipt_size

    def given(self, frame: Given | GivenChunk) -> list[Effect]:
        """Take in what the peer's mirror gives back of our own log; unasked, it is nothing."""
        recovery = self._recoveries.get(frame.lane)
        if recovery is None:
            return []
        try:
            return recovery.chunk(frame.chunk) if isinstance(frame, GivenChunk) else recovery.given(frame)
        except ForkSeen as seen:
            return self._own_fork(recovery.writer, seen)
        except LinkFault as wrong:
            del self._recoveries[frame.lane]  # until the next hello: this peer gives nothing that is ours
            return [Refused(wrong.code, f"{recovery.writer.log.origin}: {wrong.reason}")]

    def stored(self, writer: Writer, elapsed: int) -> list[Effect]:
        """Go on after leaves of ours were recorded: ask for more, or go on writing."""
        recovery = self._recoveries.get(writer.lane)
        if recovery is None or writer.next_seq != writer.log.size:
            return []
        if not recovery.is_done:
            return recovery.stored(elapsed)
        del self._recoveries[writer.lane]
        writer.frozen = None
        said = recovery.said
        effects = self.check_ours(writer, said.have, "hello", ())
        effects += writer.opened(said.have[0], elapsed)
        if said.receipt is not None:
            effects += self.receipt(writer, *said.receipt, elapsed)
        return [*effects, *self.caught_up()]

    def ask(self, lane: Lane, elapsed: int) -> list[Effect]:
        """Ask again for what has not been given back."""
        recovery = self._recoveries.get(lane)
        return [] if recovery is None else recovery.ask(elapsed)

    def receipt(self, writer: Writer, size: int, lines: str, elapsed: int) -> list[Effect]:
        """Take in a receipt of the peer's."""
        try:
            effects = writer.receipt(size, lines, elapsed)
        except LinkFault as fault:
            return [Refused(fault.code, fault.reason)]
        if size > writer.peer_has:
            writer.peer_has, writer.moved_at = size, elapsed
        return effects

    # --- FORK

    def forked(self, log: str, proof: fork.Proof) -> list[Effect]:
        """Keep *proof* that *log* has two histories."""
        self.forks[log] = proof
        return [Forked(log, proof)]

    def _own_fork(self, writer: Writer, seen: ForkSeen) -> list[Effect]:
        self._recoveries.pop(writer.lane, None)
        writer.freeze(Code.FORK)
        return [
            *self.forked(seen.origin, seen.proof),
            Refused(Code.FORK, f"{seen.origin}: {seen.reason}"),
            *self._shown(writer, seen.proof),
        ]

    def show_ours(self, writer: Writer, size: int) -> list[Effect]:
        """Show the reader our last leaf of the *size* that it holds: beside its own it is a proof, or the same."""
        last = min(size, writer.log.size)
        return self._shown(writer, tuple(e.leaf for e in self._read(writer.log.origin, last - 1, last)) if last else ())

    def _shown(self, writer: Writer, notes: tuple[bytes, ...]) -> list[Effect]:
        """Show the reader of our log what we have against it: it may hold what makes it a proof."""
        if not notes:
            return []
        shown = Fork(writer.lane, own=True, notes=tuple(note.decode() for note in notes))
        return [Transmit(CHANNEL_OF[writer.lane], frames.encode(shown))]

    def fork_shown(self, frame: Fork) -> list[Effect]:
        """Take in what the peer shows of a log with two histories; what proves nothing changes nothing."""
        notes = [note.encode() for note in frame.notes]
        if frame.own:
            return self._their_fork(self._mirrors[frame.lane], notes)
        writer = self._writers[frame.lane]
        log = writer.log.origin
        proof = fork.proof_in(log, notes, [self._own.log.named(log).vkey], self._own.env_vkeys, self._held(writer))
        proof = proof or self._signed_otherwise(writer, notes)
        if proof is None:
            return [Refused(Code.FORK, f"{self._peer.node} shows no proof against {log}", by_peer=True)]
        if self.forks.get(log) == proof:
            return []
        writer.freeze(Code.FORK)
        return [*self.forked(log, proof), Refused(Code.FORK, f"{self._peer.node} shows two histories of {log}")]

    def _signed_otherwise(self, writer: Writer, notes: list[bytes]) -> fork.Proof | None:
        """Return the checkpoint in *notes* that our own key signed over other leaves than ours, after our own; or None.

        The peer had it before we went back, and none of the leaves under it: alone it convinces us and nobody else.
        """
        log = writer.log
        for note in notes:
            with suppress(PeerFault):
                head = open_checkpoint(note, self._own.log.named(log.origin).vkey).checkpoint
                if head.size <= log.size and log.tree.root(head.size) != head.root:
                    return (log.checkpoint, note) if log.checkpoint else (note,)
        return None

    def _their_fork(self, mirror: Mirror, notes: list[bytes]) -> list[Effect]:
        log, chain = mirror.log.origin, self._peer.chain
        proof = fork.proof_in(log, notes, chain.log_vkeys(log), chain.vkeys("env"), mirror.leaf)
        if mirror.frozen is Code.FORK:
            kept = fork.proof_in(log, self.forks.get(log, ()), chain.log_vkeys(log), chain.vkeys("env"))
            # What froze the log may be no proof for a third: a signed root, and leaves that have another.
            return [] if proof is None or kept is not None else [*self.forked(log, proof), mirror.show_fork(proof)]
        if proof is None:
            return [Refused(Code.FORK, f"{self._peer.node} shows no proof against {log}", by_peer=True)]
        return mirror.forked(ForkSeen(log, "its writer shows two histories", *proof))

    def _held(self, writer: Writer) -> Callable[[int], bytes | None]:
        def leaf(seq: int) -> bytes | None:
            return self._read(writer.log.origin, seq, seq + 1)[0].leaf if seq < writer.log.size else None

        return leaf

    def proof_against(self, log: str) -> fork.Proof:
        """Return the proof against *log*; raises OwnFault where there is none."""
        if log not in self.forks:
            raise OwnFault(f"{log}: there is no proof of two histories")
        return self.forks[log]
