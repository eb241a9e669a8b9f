"""Who speaks on a link and with which keys, and the limits both keep to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from detente.evidence.keys import KeyChain, KeyStatement
from detente.evidence.leaf import Lane
from detente.evidence.note import Cosigner, Ed25519Signer, MlDsaCosigner, Vkey
from detente.evidence.store import Entry
from detente.link.quota import Allowance
from detente.types import NS_PER_MS, NS_PER_S, NodeName

Read = Callable[[str, int, int], list[Entry]]
"""Entries [start, stop) of the log *origin*, as they stand on the disk."""


@dataclass(frozen=True)
class OwnIdentity:
    """This node: its name, its signing keys, the secret that salts bodies, its key statements.

    With *mirror_pq* a receipt is cosigned once an hour with ML-DSA-44 too.
    """

    node: NodeName
    env: Ed25519Signer
    log: Ed25519Signer
    mirror: Cosigner
    salt_key: bytes = field(repr=False)
    chain: KeyChain
    mirror_pq: MlDsaCosigner | None = None

    @property
    def statement_digest(self) -> str:
        """Digest of the statement in force, as ``hello`` carries it."""
        return self.chain.digest

    @property
    def env_vkeys(self) -> list[Vkey]:
        """Every key that ever signed our leaves, the newest first: a leaf may come back under one replaced since."""
        return self.chain.vkeys("env")[::-1]


@dataclass(frozen=True)
class PeerIdentity:
    """The peer as its verified key statements name it. Until its digits are *confirmed* nothing is released to it."""

    chain: KeyChain
    confirmed: bool

    @property
    def statement(self) -> KeyStatement:
        """The statement in force."""
        return self.chain.newest

    @property
    def statement_digest(self) -> str:
        """Its digest, as the peer's ``hello`` carries it."""
        return self.chain.digest

    @property
    def node(self) -> NodeName:
        """The peer's name."""
        return self.chain.node

    @property
    def env(self) -> Vkey:
        """The newest key of its leaves. Which key counts at an index is the chain's to say."""
        return self.statement.vkey("env")

    @property
    def mirror(self) -> Vkey:
        """The newest key of its receipts."""
        return self.statement.vkey("mirror")

    def log(self, origin: str) -> Vkey:
        """The newest key of its checkpoints of the log *origin*."""
        return self.chain.log_vkeys(origin)[-1]


def _seconds(value: float) -> int:
    return round(value * NS_PER_S)


@dataclass(frozen=True)
class LinkLimits:
    """Every bound of one link and what happens at it. Durations in nanoseconds."""

    heartbeat_ns: int = _seconds(1)
    degraded_missed: int = 2  # heartbeats in a row: DEGRADED
    down_missed: int = 5  # DOWN
    degraded_rtt_ms: float = 2_000  # DEGRADED
    degraded_lag_ns: int = _seconds(5)  # a receipt this late: DEGRADED
    withheld_lag_ns: int = _seconds(30)  # "receipts withheld" at the desk
    hello_ns: int = _seconds(5)  # the channel is closed
    stall_ns: int = _seconds(3)  # nothing taken though something is on the way: sent again from what the peer holds
    reoffer_ns: int = _seconds(5)  # a checkpoint without receipt is offered again
    ask_again_ns: int = _seconds(2)  # a gap or a missing body is asked for again
    # A step of the clock counts as this much at most for every timer: a clock that was set stops no timer.
    step_ns: int = _seconds(5)
    checkpoint_ns: dict[Lane, int] = field(
        default_factory=lambda: {Lane.FLASH: 0, Lane.OPS: _seconds(1), Lane.TRACK: _seconds(10)}
    )
    # What a peer may say: leaves a second and at once. Beyond it reading stops; nothing is dropped.
    quotas: dict[Lane, Allowance] = field(
        default_factory=lambda: {
            Lane.FLASH: Allowance(5, 50),
            Lane.OPS: Allowance(20, 200),
            Lane.TRACK: Allowance(2, 120),
        }
    )
    mirror_bytes_a_day: int = 4 << 30  # of leaves and bodies, all lanes but flash: reading stops
    held_bytes: int = 4 << 20  # that a peer sent beyond its quota and its credit: the connection ends
    resend_share: float = 0.2  # of the line, for leaves that the peer has given a receipt for and lost
    # Of leaves or of bodies, what a FLASH may have to wait for: so many bytes, or as many as the line carries in 20 ms.
    frame_bytes: int = 4 * 1024
    frame_bytes_most: int = 64 * 1024
    frame_ns: int = 20 * NS_PER_MS
    flash_reserve_bytes: int = 64 * 1024  # what the flash lane may have on the way beyond the window
    body_bytes: int = 4 << 20  # a longer body is refused at the writer, and by the reader
    early_bodies: int = 128  # bodies held before their leaf came; the oldest goes and is asked for again
    early_bytes: int = 8 << 20
    given_leaves: int = 64  # of the peer's own leaves given back at once; it asks again for what follows
    given_bytes: int = 256 * 1024
    previews: int = 64  # leaves shown before their turn and remembered; the oldest is forgotten
    bodies_asked: int = 8  # missing bodies asked for at once
    answers_queued: int = 64  # bodies the peer asked for and did not get yet; further asking is passed over
    unstored: int = 4_096  # leaves not yet on disk, each way: own orders are refused, the peer's are not read
    refusals_kept: int = 32  # newest refusals, for the desk; all are counted
