"""The hotline across the link: orders become signed words, a peer's words become rows."""

from __future__ import annotations

from collections.abc import Mapping

from detente.desk.hotline import Said
from detente.desk.orders import SendCode, SendText
from detente.desk.seats import permit
from detente.desk.warnings import held_ms
from detente.engine.speech import Voice
from detente.engine.subjects import Subjects
from detente.engine.values import Effect, Setup, Show
from detente.errors import OrderRefused
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Envelope, Kind, Lane
from detente.link.session import Session
from detente.link.unlogged import UnloggedFlash
from detente.types import Instant, PartyId, Precedence, Role, instant_ms
from detente.wire.messages import HotlineBody, hotline_body, said_of


class Speaking:
    """What is written on the lines."""

    def __init__(self, setup: Setup, sessions: Mapping[PartyId, Session], subjects: Subjects, voice: Voice) -> None:
        self._own = setup.parties[0].party
        self._codebook = setup.codebook
        self._sessions = sessions
        self._subjects = subjects
        self._speak = voice.speak
        self._next_seq = voice.next_seq

    def send(self, order: SendText | SendCode, role: Role, now: Instant) -> tuple[str, list[Effect]]:
        """Say *order*; returns the message's name. Raises OrderRefused, and then nothing was said."""
        session = self._sessions.get(PartyId(order.to))
        if session is None:
            raise OrderRefused("unknown_party", f"there is no line to {order.to!r}")
        if isinstance(order, SendCode) and session.status(now).codebook_same is False:
            raise OrderRefused("codebook", f"{order.to} has another codebook; send plain text until both have the same")
        permit(role, order, min_role=self._codebook.min_role(order.code) if isinstance(order, SendCode) else None)
        words = self._subjects.hotline.compose(order)
        lane = Lane.FLASH if words.precedence == "Z" else Lane.OPS
        if words.precedence != "Z" and session.writers[lane].frozen is not None:
            raise OrderRefused("frozen", f"the log to {order.to} takes no leaf now: nothing can be promised")
        seq = self._next_seq(words.to, lane)
        answered = self._subjects.leaf_of.get(words.answers or "")
        body = hotline_body(words)
        said = self._speak(
            words.to,
            lane,
            Kind.HOTLINE,
            precedence=Precedence(words.precedence),
            by=role.value,
            now=now,
            body=body,
            re=() if answered is None else (answered,),
        )
        if said is None:
            raise OrderRefused("not_said", f"nothing may be said to {order.to} now: its link is unverified or frozen")
        leaf_hash, effects = said
        message = f"{self._own}-{lane}-{seq}"
        self._subjects.know(message, leaf_hash)
        self._subjects.sent(words.to, lane, seq, message)
        row = said_of(
            body,
            message=message,
            sender=self._own,
            to=words.to,
            by=role,
            precedence=words.precedence,
            sent_at_ms=instant_ms(now),
            answers=words.answers,
        )
        self._subjects.hotline.said(row, is_recorded=False)
        return message, [Show(), *effects]

    def heard(
        self, party: PartyId, envelope: Envelope, leaf_hash: bytes, body: HotlineBody, now: Instant, *, is_preview: bool
    ) -> None:
        """Take in a peer's message; a preview is shown as not yet in the record."""
        said = self._said(envelope, body, leaf_hash, sender=party, to=self._own)
        self._subjects.hotline.said(said, is_recorded=not is_preview, is_preview=is_preview)
        if not is_preview:
            self._subjects.hotline.held(said.message, instant_ms(now))

    def remember(self, party: PartyId, envelope: Envelope, leaf_hash: bytes, body: HotlineBody) -> None:
        """Take in a message of ours from our own record, with its receipt if there is one."""
        said = self._said(envelope, body, leaf_hash, sender=self._own, to=party)
        self._subjects.hotline.said(said)
        lane = parse_origin(envelope.log).lane
        receipt = self._sessions[party].writers[lane].log.receipt
        if receipt is not None and envelope.seq < receipt.size:
            self._subjects.hotline.held(said.message, held_ms(receipt.at_s * 1000, said.sent_at_ms))
        else:
            self._subjects.sent(party, lane, envelope.seq, said.message)

    def heard_unlogged(self, party: PartyId, flash: UnloggedFlash, note_hash: bytes, body: HotlineBody) -> None:
        """Take in a peer's message that its record did not take."""
        message = f"{party}-unlogged-{note_hash.hex()[:8]}"
        self._subjects.know(message, note_hash)
        said = said_of(
            body,
            message=message,
            sender=party,
            to=self._own,
            by=Role(flash.by),
            precedence=flash.prec.value,
            sent_at_ms=flash.ts,
            answers=self._subjects.message_in(flash.re),
        )
        self._subjects.hotline.said(said, is_recorded=False)

    def _said(self, envelope: Envelope, body: HotlineBody, leaf_hash: bytes, *, sender: PartyId, to: PartyId) -> Said:
        message = f"{sender}-{parse_origin(envelope.log).lane}-{envelope.seq}"
        before = self._subjects.recorded(envelope.re)  # what it was called before the record took it
        answered = [] if before is not None and len(envelope.re) == 1 else envelope.re[:1]
        answers = self._subjects.message_in(answered)
        message = before or message
        self._subjects.know(message, leaf_hash)
        return said_of(
            body,
            message=message,
            sender=sender,
            to=to,
            by=Role(envelope.by),
            precedence=envelope.prec.value,
            sent_at_ms=envelope.ts,
            answers=answers,
        )
