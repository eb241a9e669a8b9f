"""The release policy in force: who changed it, what it releases beyond the baseline, and the way back.

A change that is proved to release no more is in force at once. Any other waits for a second seat, and a second account
where accounts are known. Undoing the last change takes one key when that releases no more, or when the last change was
such a widening: what was in force before it comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from detente.desk.answers import PolicyChange, PolicyCheck, PolicyView
from detente.desk.board import OverrideRow, PolicyState, ProposedPolicy
from detente.desk.orders import ConfirmPolicy, ProposePolicy
from detente.engine.sharing import Sharing
from detente.engine.speech import Speak
from detente.engine.values import Effect, RecordState, Setup, Show
from detente.errors import ConfigError, OrderRefused
from detente.evidence.leaf import Kind, Lane
from detente.release.compare import gains_of, wider
from detente.release.lint import lint
from detente.release.policy import Policy, SafetyOverride, parse_policy
from detente.release.release import Releaser
from detente.release.words import policy_words
from detente.types import NS_PER_S, Instant, PartyId, Precedence, Role, instant_ms
from detente.wire.messages import PolicyBody

STATE_KEY: Final = "release/policy"
"""Where the policy in force is kept across restarts: a restart never releases more than was agreed last."""

PROPOSAL_NS: Final = 3_600 * NS_PER_S
"""How long a proposal waits for its second seat."""

UNDO_LIMIT: Final = 32


class KeptPolicy(msgspec.Struct, frozen=True):
    """The policy in force, as it is kept."""

    text: str  # TOML as it was written
    baseline: str  # digest of the baseline it was put beside; with another baseline it no longer counts


@dataclass(frozen=True, slots=True)
class _Change:
    """A policy as it was put in force."""

    releaser: Releaser
    text: str
    since_ms: int | None
    by: tuple[str, ...]
    was_wider: bool  # than what was in force before it


@dataclass(frozen=True, slots=True)
class _Proposed:
    releaser: Releaser
    text: str
    by: Role
    account: str
    at: Instant
    because: tuple[str, ...]
    is_undo: bool = False


class Policies:
    """One node's. `sharing` holds the policy at work."""

    def __init__(self, setup: Setup, sharing: Sharing, speak: Speak) -> None:
        self._own = setup.parties[0].party
        self._readers = [party.party for party in setup.parties[1:]]
        self._zones = setup.zones
        self._sharing = sharing
        self._speak = speak
        self.baseline = sharing.releaser.policy if setup.baseline is None else setup.baseline
        self._changes = [_Change(sharing.releaser, setup.policy_text, None, (), False)]
        if setup.baseline is not None:
            base = _Change(sharing.releaser.under(setup.baseline), "", None, (), False)
            was_wider = bool(wider(sharing.releaser.policy, setup.baseline, self._readers))
            self._changes = [base, _Change(sharing.releaser, setup.policy_text, None, (), was_wider)]
        self._proposed: _Proposed | None = None
        self._said: dict[PartyId, tuple[str, ...]] = dict.fromkeys(self._readers, ())  # overrides, by us to each
        self._heard: dict[PartyId, tuple[str, ...]] = dict.fromkeys(self._readers, ())  # and by each to us
        self._compared: tuple[str, list[str]] = ("", [])

    def added(self, peers: Sequence[PartyId], releaser: Releaser) -> None:
        """There are more peers: each policy that is, or can be put, in force is at work for them, as *releaser* is."""
        self._readers += peers
        self._said |= dict.fromkeys(peers, ())
        self._heard |= dict.fromkeys(peers, ())
        self._changes = [replace(one, releaser=releaser.under(one.releaser.policy)) for one in self._changes]
        if self._proposed is not None:
            self._proposed = replace(self._proposed, releaser=releaser.under(self._proposed.releaser.policy))
        self._sharing.releaser = self._changes[-1].releaser
        self._compared = ("", [])

    # --- orders

    def propose(self, order: ProposePolicy, role: Role, account: str, now: Instant) -> tuple[str, list[Effect]]:
        """Return what came of it (``in_force`` or ``waits``) and the effects; raises OrderRefused."""
        policy = self.read(order.text)
        releaser = self._at_work(policy)
        if policy.digest != order.digest:
            raise OrderRefused("policy_digest", f"this text has the digest {policy.digest}, not {order.digest}")
        if policy.digest == self._sharing.releaser.digest:
            raise OrderRefused("policy_stands", "this policy is in force already")
        because = self._wider(releaser, now)
        if not because:
            return "in_force", self._enforce(releaser, order.text, (role.value,), False, now)
        self._proposed = _Proposed(releaser, order.text, role, account, now, tuple(because))
        return "waits", [Show()]

    def confirm(self, order: ConfirmPolicy, role: Role, account: str, now: Instant) -> list[Effect]:
        """Put what was proposed in force; raises OrderRefused unless another seat and account agrees to that text."""
        proposed = self._proposed
        if proposed is None or proposed.releaser.digest != order.digest or now - proposed.at > PROPOSAL_NS:
            raise OrderRefused("no_such_policy", "no policy of this digest waits for a second seat")
        if role is proposed.by or (account and account == proposed.account):
            raise OrderRefused("second_seat", f"what releases more takes a second seat; {proposed.by} proposed it")
        self._proposed = None
        if proposed.is_undo:
            return self._undo((proposed.by.value, role.value), now)
        return self._enforce(proposed.releaser, proposed.text, (proposed.by.value, role.value), True, now)

    def revert(self, role: Role, account: str, now: Instant) -> tuple[str, list[Effect]]:
        """Take a proposal back, or undo the last change; returns ``withdrawn``, ``in_force`` or ``waits``."""
        if self._proposed is not None and now - self._proposed.at <= PROPOSAL_NS:
            self._proposed = None
            return "withdrawn", [Show()]
        if len(self._changes) < 2:
            raise OrderRefused("nothing_to_undo", "no change of policy is known that could be undone")
        last, before = self._changes[-1], self._changes[-2]
        because = () if last.was_wider else tuple(self._wider(before.releaser, now))
        if because:
            self._proposed = _Proposed(before.releaser, before.text, role, account, now, because, is_undo=True)
            return "waits", [Show()]
        return "in_force", self._undo((role.value,), now)

    def set(self, releaser: Releaser, text: str, now: Instant) -> list[Effect]:
        """Put *releaser* in force by the node's own hand: a scenario's, or a configuration read again."""
        was_wider = bool(wider(releaser.policy, self._sharing.releaser.policy, self._readers))
        return self._enforce(releaser, text, (), was_wider, now)

    def _undo(self, by: tuple[str, ...], now: Instant) -> list[Effect]:
        before = self._changes[-2]
        del self._changes[-2:]
        # What it held back until late begins to wait anew.
        return self._enforce(before.releaser.under(before.releaser.policy), before.text, by, before.was_wider, now)

    def _enforce(
        self, releaser: Releaser, text: str, by: tuple[str, ...], was_wider: bool, now: Instant
    ) -> list[Effect]:
        self._proposed = None
        self._changes.append(_Change(releaser, text, instant_ms(now), by, was_wider))
        del self._changes[:-UNDO_LIMIT]
        self._sharing.put_in_force(releaser, now)
        kept = b"" if releaser.digest == self.baseline.digest or not text else _kept(text, self.baseline)
        return [Show(), RecordState(STATE_KEY, kept), *self.tell(now)]

    def _wider(self, releaser: Releaser, now: Instant) -> list[str]:
        """Return why *releaser* may let out more than what is in force: by its rules, else by the picture of now."""
        because = wider(releaser.policy, self._sharing.releaser.policy, self._readers)
        for reader in self._readers if not because else ():
            new, old = (self._sharing.previewed(one, reader, now) for one in (releaser, self._sharing.releaser))
            gained = [gain for gain in gains_of(releaser, self._sharing.releaser, new, old) if gain.gained]
            because += [f"to {reader}: {len(gained)} tracks of now would be told more"] if gained else []
        return because

    # --- safety overrides

    def tell(self, now: Instant) -> list[Effect]:
        """Tell each peer which overrides with it are in force here, once, and again when they change."""
        out: list[Effect] = []
        for party in self._readers:
            overrides = self._sharing.releaser.policy.safety_override
            ours = tuple(sorted(o.digest for o in overrides if {self._own, party} <= set(o.between)))
            if ours == self._said[party] or not self._sharing.is_told(party):
                continue
            body = PolicyBody(overrides=ours)
            said = self._speak(
                party, Lane.OPS, Kind.POLICY, precedence=Precedence.PRIORITY, by="node", now=now, body=body
            )
            if said is not None:
                self._said[party] = ours
                out += said[1]
        return out

    def heard(self, party: PartyId, body: PolicyBody, *, is_own: bool = False) -> None:
        """Take in which overrides *party* has in force; *is_own*: what we ourselves had told it before this start."""
        (self._said if is_own else self._heard)[party] = body.overrides

    def overrides_with(self, party: PartyId) -> list[SafetyOverride]:
        """Return the overrides that hold towards *party*: every party they name has said so, each to us."""
        return [
            override
            for override in self._sharing.releaser.policy.safety_override
            if {self._own, party} <= set(override.between) and set(override.between) <= set(self._said_by(override))
        ]

    def override_named(self, digest: str) -> str:
        """Return the name of our override of this *digest*; its first letters when we have none such."""
        overrides = self._sharing.releaser.policy.safety_override
        return next((o.name for o in overrides if o.digest == digest), digest[:8])

    def _said_by(self, override: SafetyOverride) -> list[str]:
        others = [party for party in self._readers if override.digest in self._heard[party]]
        # What we say counts once every other party named was told.
        is_said = all(override.digest in self._said.get(PartyId(p), ()) for p in override.between if p != self._own)
        return [*([str(self._own)] if is_said else []), *others]

    # --- what the desk shows

    @property
    def in_force(self) -> Policy:
        """The policy in force."""
        return self._sharing.releaser.policy

    def read(self, text: str) -> Policy:
        """Return the policy that *text* is; raises OrderRefused ``not_a_policy`` with the place of the fault."""
        try:
            return parse_policy(text, "policy")
        except ConfigError as wrong:
            raise OrderRefused("not_a_policy", str(wrong)) from None

    def view(self, now: Instant) -> PolicyView:
        """Return the policy in force, to be read and to be changed."""
        return PolicyView(self.state(now), self.text, policy_words(self.in_force), self._odd(self.in_force, now))

    def check(self, text: str, now: Instant) -> PolicyCheck:
        """Return what *text* would change; raises OrderRefused ``not_a_policy``."""
        releaser = self._at_work(self.read(text))
        old, policy = self._sharing.releaser, releaser.policy
        changes = {}
        for reader in self._readers:
            frames = [self._sharing.previewed(one, reader, now) for one in (releaser, old)]
            found = gains_of(releaser, old, *frames)[:CHANGES_SHOWN]
            labels = [self._sharing.label(gain.row) for gain in found]
            changes[str(reader)] = PolicyChange(
                gained={label: list(g.gained) for label, g in zip(labels, found, strict=True) if g.gained},
                lost={label: list(g.lost) for label, g in zip(labels, found, strict=True) if g.lost},
            )
        return PolicyCheck(
            digest=policy.digest,
            name=policy.name,
            rules=policy_words(policy),
            odd=self._odd(policy, now),
            wider_because=self._wider(releaser, now)[:REASONS_SHOWN],
            changes=changes,
        )

    def _at_work(self, policy: Policy) -> Releaser:
        try:
            return self._sharing.releaser.under(policy)
        except ConfigError as wrong:
            raise OrderRefused("not_a_policy", str(wrong)) from None

    def _odd(self, policy: Policy, now: Instant) -> list[str]:
        known = [*self._readers, self._own]
        return lint(policy, known, {zone.zone_id for zone in self._zones}, self._zones, now)

    @property
    def text(self) -> str:
        """The policy in force, as it was written; empty when that is not known."""
        return self._changes[-1].text

    def state(self, now: Instant) -> PolicyState:
        """Return the policy in force and what waits, for the board."""
        policy, last, proposed = self._sharing.releaser.policy, self._changes[-1], self._proposed
        if self._compared[0] != policy.digest:
            self._compared = policy.digest, wider(policy, self.baseline, self._readers)
        because = self._compared[1]
        waits = proposed is not None and now - proposed.at <= PROPOSAL_NS
        return PolicyState(
            digest=policy.digest,
            name=policy.name,
            since_ms=last.since_ms,
            by=list(last.by),
            baseline=self.baseline.digest,
            baseline_name=self.baseline.name,
            is_wider=bool(because),
            wider_because=because[:REASONS_SHOWN],
            proposed=None
            if proposed is None or not waits
            else ProposedPolicy(
                digest=proposed.releaser.digest,
                name=proposed.releaser.policy.name,
                by=proposed.by.value,
                at_ms=instant_ms(proposed.at),
                expires_at_ms=instant_ms(Instant(proposed.at + PROPOSAL_NS)),
                wider_because=list(proposed.because[:REASONS_SHOWN]),
            ),
            undo_to=self._changes[-2].releaser.policy.name if len(self._changes) > 1 and last.was_wider else None,
            overrides=[
                OverrideRow(
                    o.name, o.digest, list(o.between), said_by := self._said_by(o), set(o.between) <= set(said_by)
                )
                for o in policy.safety_override
            ],
        )


REASONS_SHOWN: Final = 20
CHANGES_SHOWN: Final = 200


def _kept(text: str, baseline: Policy) -> bytes:
    return msgspec.json.encode(KeptPolicy(text, baseline.digest))


def kept_policy(raw: bytes | None, baseline: Policy) -> tuple[Policy, str] | None:
    """Return the policy and its text that were kept as in force beside *baseline*; None: the baseline is in force.

    Raises ConfigError for what is no policy: a node does not start with less known than before.
    """
    if not raw:
        return None
    try:
        kept = msgspec.json.decode(raw, type=KeptPolicy)
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise ConfigError(f"the policy in force cannot be read from the record: {wrong}") from None
    if kept.baseline != baseline.digest:
        return None
    return parse_policy(kept.text, "policy in force"), kept.text
