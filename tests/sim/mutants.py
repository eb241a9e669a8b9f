"""Planted faults of the core. Each breaks one rule of the link; the simulation has to see it.

A mutant is a function that takes pytest's monkeypatch. Where two mechanisms guard one rule (a gap is asked for; a stalled
lane starts again) both are taken out, for one alone is enough and the fault would rightly not show.
"""

from __future__ import annotations

import msgspec

from detente.errors import PeerFault
from detente.evidence.leaf import Envelope
from detente.evidence.note import split_note, unb64
from detente.link import mirror as mirror_module
from detente.link.bodies import Body
from detente.link.effects import Heard, Transmit
from detente.link.frames import CHANNEL_OF, Leaves, encode
from detente.link.mirror import Mirror
from detente.link.writer import Writer


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
]
