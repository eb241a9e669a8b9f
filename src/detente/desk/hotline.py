"""The hotline: what was said on each line, who has it, who has seen it, who answered, and what nobody answered.

A receipt (the node holds it) is not an acknowledgement (a person has read it) is not an answer. A message is a fold of
facts that arrive in any order, on different lanes, from both sides; both nodes fold the same facts to the same rows.
Silence is a fact too: when the time is up it is recorded as *not answered* and the message climbs the ladder.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import nlargest, nsmallest
from typing import Final

import msgspec

from detente.alerts.escalation import Cause, Climbed, Escalations, Stand
from detente.coordination.plain import plain_text
from detente.desk.board import Half, MessageRow
from detente.desk.codebook import Codebook
from detente.desk.orders import Line, Prec, SendCode, SendText
from detente.desk.seats import LINES, RUNG_OF
from detente.desk.words import Lang
from detente.errors import OrderRefused, OwnFault
from detente.types import NS_PER_MS, Instant, PartyId, Precedence, Role, duration_ns, instant_ms, instant_of_ms

FLASH: Final = "Z"

DISPLAY_WITHIN_S: Final[dict[Prec, float]] = {"Z": 5.0, "O": 15.0, "P": 60.0, "R": 300.0}
"""By when a message should be before a person. Source: docs/operate/escalation.md."""

ACKNOWLEDGE_WITHIN_S: Final[dict[Prec, float | None]] = {"Z": 60.0, "O": 300.0, "P": 3_600.0, "R": None}

NEAR_EVENT_MIN: Final = 2
ACKNOWLEDGE_NEAR_S: Final = 30.0
"""A FLASH about an event less than two minutes away is to be acknowledged in half the time."""

FLASH_REASONS: Final = {
    "loss_of_separation": "loss of separation predicted within 5 minutes",
    "incursion": "incursion predicted within 5 minutes",
    "distress": "aircraft in distress",
    "crossed": "accidental crossing of a line",
    "cease_action": "request to cease an action",
}
"""Why a message may be FLASH, besides the reasons of the codebook."""

REFUSALS: Final = frozenset({"M08", "A12", "D08", "C07"})
"""Replies that refuse what was asked."""

WAITS: Final = frozenset({"P02", "P04", "P05"})
"""Replies that show a person has read the message and do not answer it."""

MESSAGES_LIMIT: Final = 20_000
"""Messages kept in memory; beyond it the oldest closed ones are forgotten and counted. The record keeps all."""

FORGOTTEN_AT_ONCE: Final = 2_000
"""So many, at the limit: to look for the oldest costs as much for one as for all."""

ON_BOARD: Final = 200
"""Messages on a board: so many of the newest, and so many of the older ones that wait for a person."""

SETTLED_RECALLED: Final = 1_000
"""Messages that nobody waits for, of which a start remembers the newest; those that wait it remembers all."""


class State(StrEnum):
    SENT = "sent"
    HELD = "held"
    DISPLAYED = "displayed"
    ACKNOWLEDGED = "acknowledged"
    NOT_ANSWERED = "not_answered"
    REFUSED = "refused"
    ANSWERED = "answered"


class Event(StrEnum):
    HOLD = "hold"
    DISPLAY = "display"
    ACKNOWLEDGE = "acknowledge"
    RUN_OUT = "run_out"
    REFUSE = "refuse"
    ANSWER = "answer"


_REACHES: Final = dict(zip(Event, list(State)[1:], strict=True))
_ORDER: Final = {state: i for i, state in enumerate(State)}

# Each event reaches one state, and a message never goes back: facts come on different lanes, so an answer may be known
# before the receipt. An answer after the time was up still answers; the times of both stay in the row.
TRANSITIONS: Final[dict[State, dict[Event, State]]] = {
    state: {event: max(state, _REACHES[event], key=_ORDER.__getitem__) for event in Event} for state in State
}


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What was said, as the leaf of it says."""

    message: str  # "<party>-<lane>-<seq>"
    sender: PartyId
    to: PartyId
    line: Line
    by: Role
    precedence: Prec
    sent_at_ms: int
    reason: str | None = None
    code: str | None = None
    params: dict[str, str] = {}
    text: str = ""  # free text; "" with a code
    lang: Lang = "en"
    answers: str | None = None  # message this one answers


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """An order to send, checked: what its leaf will say."""

    to: PartyId
    line: Line
    precedence: Prec
    reason: str | None
    code: str | None
    params: dict[str, str]
    text: str
    lang: Lang
    answers: str | None


class NotAnswered(msgspec.Struct, frozen=True):
    """The time for a message is up; to be recorded in both logs."""

    message: str
    at: Instant


@dataclass(slots=True)
class _Message:
    said: Said | None = None  # None: a fact about a message that has not reached us yet
    state: State = State.SENT
    at_ms: dict[Event, int] = field(default_factory=dict)
    by: Role | None = None  # who acknowledged
    answered_by: str | None = None
    is_recorded: bool = False
    is_preview: bool = False

    @property
    def is_closed(self) -> bool:
        return self.state in {State.ANSWERED, State.REFUSED}


class Hotline:
    """All lines of one node, with every peer. Messages climb in *escalations*, which its owner ticks."""

    def __init__(self, own: PartyId, codebook: Codebook, escalations: Escalations) -> None:
        self._own = own
        self._codebook = codebook
        self._escalations = escalations
        self._messages: dict[str, _Message] = {}
        self._in_order: list[tuple[int, str]] = []  # what has been said, oldest first: when, and its name
        self._waiting: set[str] = set()  # messages that can still become not answered
        self._unseen: set[str] = set()  # messages to be acknowledged that no person of the addressee has
        self.flash: Counter[PartyId] = Counter()  # FLASH messages, by sender
        self.flash_misused: Counter[PartyId] = Counter()  # of which without a coded reason, or with a routine phrase
        self.forgotten = 0
        self.fault = ""  # a limit reached, for the desk

    def compose(self, order: SendText | SendCode) -> Words:
        """Return what *order* would say, every rule but the seat's checked; raises OrderRefused."""
        coded = self._codebook.checked(order.code, order.params) if isinstance(order, SendCode) else None
        precedence: Prec = order.precedence or (coded.precedence.value if coded else "R")
        if precedence == FLASH and not self._is_flash_reason(order.reason):
            raise OrderRefused("flash_reason", "FLASH needs a coded reason; choose why this cannot wait")
        if order.reason is not None and not self._is_flash_reason(order.reason):
            raise OrderRefused("reason_unknown", f"{order.reason!r} is not a coded reason")
        if order.answers is not None:
            self._check_answers(order)
        return Words(
            to=PartyId(order.to),
            line=order.line,
            precedence=precedence,
            reason=order.reason,
            code=coded.code if coded else None,
            params=coded.params if coded else {},
            text=plain_text(order.text) if isinstance(order, SendText) else "",
            lang=order.lang if isinstance(order, SendText) else "en",
            answers=order.answers,
        )

    def said(self, said: Said, *, is_recorded: bool = True, is_preview: bool = False) -> None:
        """Fold a message. Said again (after its preview, or once it is on disk) only its marks change."""
        message = self._at(said.message)
        if message.said is None:
            message.said = said
            insort(self._in_order, _newness(said))
            self._count_flash(said)
            self._climb_from(said)
            self._follow(said.message, message)
            if said.answers is not None:
                self._answer(said)
        message.is_recorded = message.is_recorded or is_recorded
        message.is_preview = is_preview and not message.is_recorded

    def held(self, message: str, at_ms: int) -> None:
        """Fold the receipt of the addressee's node."""
        self._happened(message, Event.HOLD, at_ms)

    def displayed(self, message: str, at_ms: int) -> bool:
        """Fold that a visible console of the addressee painted it; returns whether that was news."""
        is_news = Event.DISPLAY not in self._at(message).at_ms
        self._happened(message, Event.DISPLAY, at_ms)
        return is_news

    def acknowledged(self, message: str, by: Role, at_ms: int) -> None:
        """Fold that a person of the addressee has read it."""
        known = self._at(message)
        before = known.at_ms.get(Event.ACKNOWLEDGE)
        # Of two acknowledgements the earlier stands, and of two at once the lower role: the same on both nodes.
        if before is None or (at_ms, RUNG_OF[by]) < (before, RUNG_OF[known.by or by]):
            known.by = by
        self._happened(message, Event.ACKNOWLEDGE, at_ms)

    def not_answered(self, message: str, at_ms: int) -> None:
        """Fold that its time was up."""
        self._happened(message, Event.RUN_OUT, at_ms)

    def climbed(self, message: str, party: PartyId, rung: int, at_ms: int) -> list[Climbed]:
        """Fold that *party* has climbed to *rung*; returns the rungs that are news here."""
        return self._escalations.peer_climbed(message, rung, instant_of_ms(at_ms), party)

    def stood_down(self, message: str, party: PartyId, reason: Stand, at_ms: int) -> None:
        """Fold that *party* stops the ladder: the sender for both, the addressee for its own people."""
        known = self._messages.get(message)
        if known is not None and known.said is not None and known.said.sender == party:
            self._escalations.cleared(message, instant_of_ms(at_ms))
        else:
            self._escalations.stood_down(message, party, reason, instant_of_ms(at_ms))

    def tick(self, now: Instant) -> list[NotAnswered]:
        """Return the messages whose time is up, to be recorded; they are folded here already."""
        times = [(self._up_at(self._messages[name]), name) for name in self._waiting]
        due = [NotAnswered(name, up) for up, name in times if up is not None and up <= now]
        due.sort(key=lambda item: (item.at, item.message))
        for item in due:
            self.not_answered(item.message, instant_ms(item.at))
        return due

    def said_as(self, message: str) -> Said | None:
        """Return *message* as its leaf says it; None when we do not have it."""
        known = self._messages.get(message)
        return None if known is None else known.said

    def line_of(self, message: str) -> Line | None:
        """Return the line of *message*; None when we do not have it."""
        known = self._messages.get(message)
        return known.said.line if known is not None and known.said is not None else None

    def rung(self, message: str) -> int:
        """Return how far *message* has climbed, both sides together."""
        return self._escalations.rung(message)

    def state(self, message: str) -> State | None:
        known = self._messages.get(message)
        return None if known is None or known.said is None else known.state

    @property
    def total(self) -> int:
        return len(self._in_order)

    def rows(self, after: int = 0, most: int = ON_BOARD) -> list[MessageRow]:
        """Return messages, newest first: at most *most*, after the *after* newest."""
        end = max(0, len(self._in_order) - after)
        return self._rows_of(reversed(self._in_order[max(0, end - most) : end]))

    def on_board(self) -> list[MessageRow]:
        """Return the newest messages and, however much was said since, what a person is still to acknowledge."""
        newest = self._in_order[-ON_BOARD:]
        on_it = {name for _, name in newest}
        waiting = [self._messages[n].said for n in self._unseen - on_it if not self._escalations.is_over(n)]
        most_urgent = nlargest(ON_BOARD, filter(None, waiting), key=lambda s: (s.precedence == FLASH, _newness(s)))
        return self._rows_of(reversed(sorted(map(_newness, most_urgent)) + newest))

    def _rows_of(self, asked: Iterable[tuple[int, str]]) -> list[MessageRow]:
        messages = [self._messages[name] for _, name in asked]
        return [self._row(m, m.said) for m in messages if m.said is not None]

    def _row(self, message: _Message, said: Said) -> MessageRow:
        rendered = self._codebook.rendered(said.code, said.params) if said.code is not None else {}
        name = said.message
        by = self._acknowledge_by(message, said)
        next_at = self._escalations.next_at(name)
        rungs = self._escalations.rungs(name)
        closing = {State.ANSWERED: "answered", State.REFUSED: "refused", State.NOT_ANSWERED: "not_answered"}
        return MessageRow(
            message=name,
            line=said.line,
            sender=said.sender,
            to=said.to,
            by=said.by.value,
            precedence=said.precedence,
            reason=said.reason,
            code=said.code,
            params=said.params,
            text=rendered.get(said.lang) or said.text or _original(said),
            lang=said.lang,
            rendered=rendered,
            known_code=said.code is None or bool(rendered),
            expects=self._codebook.expects(said.code) if rendered or said.code is None else ["P05"],
            answers=said.answers,
            answered_by=message.answered_by,
            sent_at_ms=said.sent_at_ms,
            halves=[
                Half(said.sender, sent_at_ms=said.sent_at_ms, rung=rungs.get(said.sender, 0)),
                Half(
                    said.to,
                    sent_at_ms=said.sent_at_ms,
                    held_at_ms=message.at_ms.get(Event.HOLD),
                    displayed_at_ms=message.at_ms.get(Event.DISPLAY),
                    acknowledged_at_ms=message.at_ms.get(Event.ACKNOWLEDGE),
                    acknowledged_by=message.by.value if message.by is not None else None,
                    rung=rungs.get(said.to, 0),
                ),
            ],
            recorded=message.is_recorded,
            preview=message.is_preview,
            acknowledge_by_ms=by,
            rung=self._escalations.rung(name),
            next_rung_at_ms=None if next_at is None else instant_ms(next_at),
            outcome=closing.get(message.state, ""),  # type: ignore[arg-type]
        )

    def _at(self, name: str) -> _Message:
        if name not in self._messages:
            if len(self._messages) >= MESSAGES_LIMIT:
                self._forget_oldest()
            self._messages[name] = _Message()
        return self._messages[name]

    def _forget_oldest(self) -> None:
        closed = [n for n, m in self._messages.items() if m.said is None or m.is_closed or self._is_settled(n, m)]
        # Of those that are still waited for, or climb, no more goes than has to.
        oldest = nsmallest(
            FORGOTTEN_AT_ONCE if closed else 1, closed or self._messages, key=lambda n: _newness(self._messages[n].said)
        )
        for name in oldest:
            self._forget(name)
        self._in_order = [each for each in self._in_order if each[1] in self._messages]
        self.forgotten += len(oldest)

    def forget_settled(self) -> set[str]:
        """Forget what a start does not remember: of the messages that nobody waits for all but the newest.

        An answer stays with the message that it answers. Returns the messages that are answered by one still here.
        """
        settled = [n for n, m in self._messages.items() if self._is_settled(n, m)]
        settled.sort(key=lambda name: _newness(self._messages[name].said), reverse=True)
        old = {*settled[SETTLED_RECALLED:], *(name for name in settled if self._messages[name].said is None)}
        answers = {n: m.said.answers for n, m in self._messages.items() if m.said is not None and m.said.answers}
        while stays := {name for name in old & answers.keys() if answers[name] in self._messages.keys() - old}:
            old -= stays
        for name in old:
            self._forget(name)
        self._in_order = [each for each in self._in_order if each[1] in self._messages]
        return {answered for name, answered in answers.items() if name not in old}

    def _forget(self, name: str) -> None:
        del self._messages[name]
        self._waiting.discard(name)
        self._unseen.discard(name)
        self._escalations.forget(name)

    def _is_settled(self, name: str, message: _Message) -> bool:
        """Whether nobody waits for *message* any more."""
        return self._up_at(message) is None and not self._is_climbing(name)

    def _is_climbing(self, name: str) -> bool:
        return self._escalations.is_climbing(name)

    def _happened(self, name: str, event: Event, at_ms: int) -> None:
        message = self._at(name)
        message.at_ms[event] = min(at_ms, message.at_ms.get(event, at_ms))
        message.state = TRANSITIONS[message.state][event]
        self._follow(name, message)

    def _follow(self, name: str, message: _Message) -> None:
        """Tell the ladder where the message stands."""
        said = message.said
        (self._waiting.discard if self._up_at(message) is None else self._waiting.add)(name)
        if said is None:
            return
        (self._unseen.discard if self._acknowledge_by(message, said) is None else self._unseen.add)(name)
        answer = min((message.at_ms[e] for e in (Event.ANSWER, Event.REFUSE) if e in message.at_ms), default=None)
        if answer is not None:
            self._escalations.cleared(name, instant_of_ms(answer))
        elif Event.ACKNOWLEDGE in message.at_ms and not self._wants_answer(said):
            at = instant_of_ms(message.at_ms[Event.ACKNOWLEDGE])
            self._escalations.acknowledged(name, said.to, message.by or Role.OPERATOR, at)

    def _answer(self, said: Said) -> None:
        assert said.answers is not None
        asked = self._at(said.answers)
        if asked.said is not None and (asked.said.to, asked.said.sender) != (said.sender, said.to):
            return  # only the addressee can answer
        self.acknowledged(said.answers, said.by, said.sent_at_ms)
        if said.code in WAITS:
            return
        first = (asked.at_ms.get(Event.ANSWER, said.sent_at_ms), asked.answered_by or said.message)
        asked.answered_by = min(first, (said.sent_at_ms, said.message))[1]
        self._happened(said.answers, Event.REFUSE if said.code in REFUSALS else Event.ANSWER, said.sent_at_ms)

    def _climb_from(self, said: Said) -> None:
        within = _within_s(said)
        if within is None:
            return
        try:
            self._escalations.raised(
                said.message,
                Cause.HOTLINE,
                (said.to,),
                instant_of_ms(said.sent_at_ms),
                first_after_s=within,
                from_rung=RUNG_OF[LINES[said.line][0]],
                informed=(said.sender,),
            )
        except OwnFault as fault:
            self.fault = str(fault)  # said and shown all the same

    def _up_at(self, message: _Message) -> Instant | None:
        """Return when *message* is to be recorded as not answered; None when it is not waited for, or was answered."""
        said = message.said
        if said is None or message.state in {State.NOT_ANSWERED, State.ANSWERED, State.REFUSED}:
            return None
        within = _within_s(said)
        is_read = Event.ACKNOWLEDGE in message.at_ms
        if within is None or (is_read and not self._wants_answer(said)):
            return None
        step = self._escalations.ladder.step(Cause.HOTLINE, 1)
        first = step.after_s if step is not None and step.after_s is not None else 0.0
        return Instant(said.sent_at_ms * NS_PER_MS + duration_ns(max(within, first)))

    def _acknowledge_by(self, message: _Message, said: Said) -> int | None:
        within = _within_s(said)
        if within is None or Event.ACKNOWLEDGE in message.at_ms or message.is_closed:
            return None
        return said.sent_at_ms + round(within * 1000)

    def _wants_answer(self, said: Said) -> bool:
        # An answer is to be read; it asks for no answer of its own, or two desks would never be done.
        return said.answers is None and said.code is not None and bool(self._codebook.expects(said.code))

    def _is_flash_reason(self, reason: str | None) -> bool:
        return reason in FLASH_REASONS or reason in self._codebook.reasons

    def _count_flash(self, said: Said) -> None:
        if said.precedence != FLASH:
            return
        self.flash[said.sender] += 1
        self.flash_misused[said.sender] += self.is_misuse(said.code, said.reason)

    def is_misuse(self, code: str | None, reason: str | None) -> bool:
        """Whether a FLASH of this *code* for this *reason* is counted as misused."""
        phrase = self._codebook.phrases.get(code or "")
        is_routine = phrase is not None and phrase.precedence is Precedence.ROUTINE
        return is_routine or not self._is_flash_reason(reason)

    def _check_answers(self, order: SendText | SendCode) -> None:
        known = self._messages.get(order.answers or "")
        asked = None if known is None else known.said
        if asked is None:
            raise OrderRefused("answers_unknown", f"there is no message {order.answers!r} to answer")
        if (asked.to, asked.sender, asked.line) != (self._own, order.to, order.line):
            raise OrderRefused(
                "answers_other", f"{order.answers} was said by {asked.sender} to {asked.to} on line {asked.line}"
            )


def _within_s(said: Said) -> float | None:
    """Return by when *said* is to be acknowledged; None when no acknowledgement is asked for."""
    minutes = said.params.get("min", "")
    if said.precedence == FLASH and minutes.isdecimal() and int(minutes) < NEAR_EVENT_MIN:
        return ACKNOWLEDGE_NEAR_S
    return ACKNOWLEDGE_WITHIN_S[said.precedence]


def _newness(said: Said | None) -> tuple[int, str]:
    return (-1, "") if said is None else (said.sent_at_ms, said.message)


def _original(said: Said) -> str:
    """Return a phrase we cannot read as it came."""
    words: Mapping[str, str] = said.params
    return " ".join([said.code or "", *(f"{name}={text}" for name, text in words.items())])
