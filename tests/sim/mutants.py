"""Planted faults of the core: the list. Each breaks one rule of the link; the simulation has to see it.

A mutant is a function that takes pytest's monkeypatch. Where two mechanisms guard one rule (a gap is asked for; a stalled
lane starts again) both are taken out, for one alone is enough and the fault would rightly not show.
"""

from __future__ import annotations

import msgspec

from detente.errors import PeerFault
from detente.evidence.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from detente.evidence.keys import KeyChain
from detente.evidence.leaf import Envelope
from detente.evidence.merkle import Tree, leaf_hash
from detente.evidence.note import Note, Signature, split_note, unb64
from detente.link import mirror as mirror_module
from detente.link import session as session_module
from detente.link import writer as writer_module
from detente.link.bodies import Body
from detente.link.effects import Heard, SaveCheckpoint, Transmit
from detente.link.frames import CHANNEL_OF, Leaves, Preview, encode
from detente.link.hybrid import HybridClock
from detente.link.identity import LinkLimits
from detente.link.mirror import Mirror
from detente.link.session import Session
from detente.link.settlement import Settlement
from detente.link.window import Window
from detente.link.writer import Writer
from detente.types import instant_ms


def receipt_before_stored(patch):
    taken, stored = Mirror.leaves, Mirror.stored

    def leaves(self, bundle, elapsed):
        effects = taken(self, bundle, elapsed)
        if self._unstored:
            effects += stored(self, self.log.size, [leaf.leaf_hash for leaf in self._unstored])
        return effects

    patch.setattr(Mirror, "leaves", leaves)
    patch.setattr(Mirror, "stored", lambda self, start, leaf_hashes: [])


def told_before_stored(patch):
    taken = Mirror.leaves

    def leaves(self, bundle, elapsed):
        before = len(self._unstored)
        effects = taken(self, bundle, elapsed)
        new = list(self._unstored)[before:]
        return [*effects, *(Heard(leaf.envelope, leaf.leaf, leaf.leaf_hash, leaf.body) for leaf in new)]

    patch.setattr(Mirror, "leaves", leaves)


def sent_before_stored(patch):
    write = Writer.write

    def write_and_send(self, *arguments):
        hashed, effects = write(self, *arguments)
        bundle = encode(Leaves(self.lane, effects[0].start, [effects[0].entries[0].leaf]))
        return hashed, [Transmit(CHANNEL_OF[self.lane], bundle), *effects]

    patch.setattr(Writer, "write", write_and_send)


def checkpoint_not_offered_again(patch):
    opened = Writer.opened

    def opened_quietly(self, *arguments):
        offered = self._offered_size
        effects = opened(self, *arguments)
        self._offered_size = offered
        return effects

    patch.setattr(Writer, "opened", opened_quietly)
    patch.setattr(Writer, "offer_again_if_late", lambda self, elapsed: None)


def nothing_sent_again(patch):
    opened = Writer.opened

    def opened_at_the_end(self, peer_has, elapsed):
        effects = opened(self, max(peer_has, self.sent), elapsed)
        self.sent = self.log.size
        return effects

    patch.setattr(Writer, "opened", opened_at_the_end)
    patch.setattr(Writer, "send_again_from", lambda self, seq: None)


def prev_not_checked(patch):
    real = mirror_module.check_place

    def check_place(envelope, leaf, *, log, seq, prev, to):
        real(envelope, leaf, log=log, seq=seq, prev=unb64(envelope.prev), to=to)

    patch.setattr(mirror_module, "check_place", check_place)


def place_not_checked(patch):
    patch.setattr(mirror_module, "check_place", lambda envelope, leaf, **place: None)


def signature_not_checked(patch):
    decoder = msgspec.json.Decoder(Envelope)

    def opened(self, leaf):
        try:
            return decoder.decode(split_note(leaf)[0].split(b"\n")[1])
        except (msgspec.DecodeError, PeerFault) as wrong:
            raise mirror_module.LinkFault(mirror_module.Code.LEAF, str(wrong)) from None

    patch.setattr(Mirror, "_opened_leaf", opened)


def root_not_recomputed(patch):
    patch.setattr(Mirror, "_check_root", lambda self, signed: None)


def body_not_checked(patch):
    patch.setattr(mirror_module, "body_for", lambda envelope, travelled: Body(travelled[:16], travelled[16:]))


def missing_bodies_not_asked_for(patch):
    patch.setattr(Mirror, "ask_for_bodies", lambda self, elapsed: [])


def resumed_from_own_size(patch):
    opened = Writer.opened
    patch.setattr(Writer, "opened", lambda self, peer_has, elapsed: opened(self, self.log.size, elapsed))


def known_leaf_taken_twice(patch):
    """A leaf that is held already is taken for the next one, whatever place it was signed for."""
    taken = Mirror.leaves

    def leaves(self, bundle, elapsed):
        start = max(bundle.start, self.next_seq)
        return taken(self, Leaves(bundle.lane, start, bundle.leaves), elapsed)

    patch.setattr(Mirror, "leaves", leaves)
    place_not_checked(patch)


def told_in_another_order(patch):
    deliver = Mirror._deliver

    def _deliver(self):
        effects = deliver(self)
        return effects[::-1]

    patch.setattr(Mirror, "_deliver", _deliver)


def credit_not_counted(patch):
    """What the peer took frees no room: the line is given up for stalled again and again."""
    patch.setattr(Session, "_credited", lambda self, connection, total: None)


def window_ignored(patch):
    patch.setattr(Window, "is_open", lambda self, rtt_ns, reserve=0: True)


def tracks_before_flash(patch):
    backwards = dict(reversed(list(CHANNEL_OF.items())))
    patch.setattr(session_module, "CHANNEL_OF", backwards)


def read_back_not_compared(patch):
    """The leaf as it was written is taken for what stands on the disk."""
    for side in (Writer, Mirror):
        stored = side.stored

        def trusting(self, start, leaf_hashes, *more, stored=stored):
            written = [leaf.leaf_hash for leaf in list(self._unstored)[: len(leaf_hashes)]]
            return stored(self, start, written, *more)

        patch.setattr(side, "stored", trusting)


def history_not_compared(patch):
    """A fork goes unseen: neither roots nor leaves of one place are held against each other."""
    patch.setattr(Settlement, "check_ours", lambda self, writer, said, where, proof: [])
    patch.setattr(Mirror, "_check_known", lambda self, seq, leaf: None)
    patch.setattr(Mirror, "_check_root", lambda self, signed: None)


def shorter_history_not_noticed(patch):
    """A rollback goes unseen, on either side."""
    patch.setattr(Settlement, "_fell_behind", lambda self, origin, size, why: [])
    real = Settlement.check_ours

    def check_ours(self, writer, said, where, proof):
        return [] if said[0] > writer.log.size else real(self, writer, said, where, proof)

    patch.setattr(Settlement, "check_ours", check_ours)


def receipt_not_verified(patch):
    def open_note(raw, *vkeys):
        text, lines = split_note(raw)
        signed = tuple(Signature(vkeys[0], line, 1) for _, _, line in lines)
        return Note(text.decode(), signed)

    patch.setattr(writer_module, "open_note", open_note)


def checkpoint_signature_not_verified(patch):
    def checkpoint(self, raw, origin, *cosigners):
        return SignedCheckpoint(Checkpoint.parse(split_note(raw)[0].decode()), raw, {})

    patch.setattr(KeyChain, "checkpoint", checkpoint)


def hybrid_clock_follows_the_wall(patch):
    patch.setattr(HybridClock, "read", lambda self, now: (instant_ms(now), 0))


def clock_not_resumed(patch):
    patch.setattr(HybridClock, "resume", lambda self, own: None)


def gap_taken_for_the_next_leaf(patch):
    """A leaf beyond the next one is appended where the next belongs."""
    taken = Mirror.leaves

    def leaves(self, bundle, elapsed):
        start = min(bundle.start, self.next_seq)
        return taken(self, Leaves(bundle.lane, start, bundle.leaves), elapsed)

    patch.setattr(Mirror, "leaves", leaves)
    place_not_checked(patch)


def bodies_not_waited_for(patch):
    """The engine is told of a message before its text has come."""
    made = Mirror.__init__

    def make(self, *arguments):
        made(self, *arguments)
        self._is_ordered = False

    patch.setattr(Mirror, "__init__", make)


def preview_before_stored(patch):
    write = Writer.write

    def write_and_show(self, *arguments):
        hashed, effects = write(self, *arguments)
        shown = encode(Preview(self.lane, effects[0].entries[0].leaf))
        return hashed, [Transmit(CHANNEL_OF[self.lane], shown), *effects]

    patch.setattr(Writer, "write", write_and_show)


def signed_before_stored(patch):
    """The checkpoint is over leaves that are still on their way to the disk."""
    sign = Writer.sign_if_due

    def sign_if_due(self, elapsed, **more):
        if not self._unstored or self.frozen is not None:
            return sign(self, elapsed, **more)
        tree = Tree([self.log.tree.leaf(i) for i in range(self.log.size)])
        tree.extend(leaf.leaf_hash for leaf in self._unstored)
        note = sign_checkpoint(Checkpoint(self.log.origin, tree.size, tree.root()), self._signer)
        saved = SaveCheckpoint(self.log.origin, self.log.checkpoint, note)
        self.log.checkpoint = note
        return [saved]

    patch.setattr(Writer, "sign_if_due", sign_if_due)


def two_heads_for_one_size(patch):
    """Each opening signs a head of its own making."""
    patch.setattr(
        writer_module,
        "sign_checkpoint",
        lambda head, signer: sign_checkpoint(Checkpoint(head.origin, head.size, leaf_hash(b"%d" % id(signer))), signer),
    )


def nothing_refused_at_the_limit(patch):
    """Leaves waiting for a slow disk are not counted."""
    write = Writer.write

    def write_on(self, *arguments):
        limits, self._limits = self._limits, LinkLimits()
        try:
            return write(self, *arguments)
        finally:
            self._limits = limits

    patch.setattr(Writer, "write", write_on)


MUTANTS = [
    receipt_before_stored,
    told_before_stored,
    sent_before_stored,
    checkpoint_not_offered_again,
    nothing_sent_again,
    prev_not_checked,
    place_not_checked,
    signature_not_checked,
    root_not_recomputed,
    body_not_checked,
    missing_bodies_not_asked_for,
    resumed_from_own_size,
    known_leaf_taken_twice,
    gap_taken_for_the_next_leaf,
    told_in_another_order,
    bodies_not_waited_for,
    credit_not_counted,
    window_ignored,
    tracks_before_flash,
    read_back_not_compared,
    history_not_compared,
    shorter_history_not_noticed,
    receipt_not_verified,
    checkpoint_signature_not_verified,
    hybrid_clock_follows_the_wall,
    clock_not_resumed,
    preview_before_stored,
    signed_before_stored,
    two_heads_for_one_size,
    nothing_refused_at_the_limit,
]
