// The shapes that the node hands over, written once: `detente.desk.board`, `detente.desk.explanation`,
// `detente.desk.release_view`, `detente.desk.record_view`. tests/web/test_types.py holds them against those modules.
// Instants are milliseconds UTC, null when they have not happened; positions are in 1e-7 degree.

/**
 * @typedef {"alarm" | "warning" | "caution"} Level
 * @typedef {"conflict" | "incursion" | "approach" | "conformance"} AlertKind
 * @typedef {"Z" | "O" | "P" | "R"} Precedence
 *
 * @typedef {{party: string, sent_at_ms: number | null, held_at_ms: number | null, displayed_at_ms: number | null, acknowledged_at_ms: number | null, acknowledged_by: string | null, rung: number}} Half
 * @typedef {{label: string, party: string | null, number: number | null, identity: string}} TrackRef
 * @typedef {{party: string, says: "same" | "differs" | "none" | "not_assessed", time_to_event_s: number | null}} PeerVerdict
 */

/**
 * @typedef {object} AlertRow
 * @property {string} alert
 * @property {AlertKind} kind
 * @property {Level} level
 * @property {"active" | "cleared"} state
 * @property {string} raised_by
 * @property {TrackRef} a
 * @property {TrackRef | null} b
 * @property {string | null} zone
 * @property {string | null} zone_name
 * @property {number} raised_at_ms
 * @property {number} updated_at_ms
 * @property {number | null} cleared_at_ms
 * @property {number | null} event_at_ms
 * @property {number | null} distance_m
 * @property {number | null} vertical_ft
 * @property {number} latitude_e7
 * @property {number} longitude_e7
 * @property {Half[]} halves
 * @property {PeerVerdict[]} verdicts
 * @property {boolean} recorded
 * @property {string | null} leaf
 * @property {number} rung
 * @property {string[]} rung_roles
 * @property {number | null} next_rung_at_ms
 * @property {number | null} acknowledge_by_ms
 * @property {"" | "RECONSTRUCTION" | "EXERCISE" | "SYNTHETIC"} mark
 * @property {boolean} unlogged
 * @property {number | null} not_before_ms
 * @property {number | null} not_after_ms
 * @property {number | null} expires_at_ms
 * @property {boolean} expired_on_arrival
 * @property {boolean | null} useful
 * @property {string} override
 * @property {[string, number][]} levels
 * @property {number} margin_m
 * @property {number} margin_ft
 */

/**
 * @typedef {object} MessageRow
 * @property {string} message
 * @property {"watch" | "military" | "intelligence" | "foreign_service" | "leader"} line
 * @property {string} sender
 * @property {string} to
 * @property {string} by
 * @property {Precedence} precedence
 * @property {string | null} reason
 * @property {string | null} code
 * @property {Record<string, string>} params
 * @property {string} text
 * @property {string} lang
 * @property {Record<string, string>} rendered
 * @property {boolean} known_code
 * @property {string[]} expects
 * @property {string | null} answers
 * @property {string | null} answered_by
 * @property {number} sent_at_ms
 * @property {Half[]} halves
 * @property {boolean} recorded
 * @property {boolean} preview
 * @property {number | null} acknowledge_by_ms
 * @property {number} rung
 * @property {number | null} next_rung_at_ms
 * @property {"" | "answered" | "refused" | "not_answered"} outcome
 * @property {boolean} unlogged
 * @property {number | null} not_before_ms
 * @property {number | null} not_after_ms
 * @property {number | null} expires_at_ms
 * @property {boolean} expired_on_arrival
 */

/**
 * @typedef {object} LaneRow
 * @property {"flash" | "ops" | "track"} lane
 * @property {number} own_size
 * @property {string} own_root
 * @property {number} own_held
 * @property {number} their_size
 * @property {string} their_root
 * @property {number} backlog
 * @property {number | null} their_backlog
 * @property {number | null} receipt_lag_ms
 * @property {number} bodies_missing
 * @property {string} own_stopped
 * @property {string} their_stopped
 * @property {number} quota_per_min
 * @property {number} quota_left
 * @property {number | null} their_quota_per_min
 * @property {number | null} their_quota_left
 */

/** @typedef {{log: string, proof: string, agreed: string[]}} ForkRow */

/**
 * @typedef {object} PeerRow
 * @property {string} party
 * @property {string} node
 * @property {"UP" | "DEGRADED" | "DOWN" | "SUSPENDED" | "FORK" | "ROLLBACK" | "UNVERIFIED"} state
 * @property {number} since_ms
 * @property {number | null} last_heard_ms
 * @property {number | null} rtt_ms
 * @property {number | null} offset_ms
 * @property {number | null} receipt_lag_ms
 * @property {LaneRow[]} lanes
 * @property {boolean | null} codebook_same
 * @property {number} released
 * @property {Record<string, number>} withheld
 * @property {string} policy
 * @property {string} policy_name
 * @property {number} shared_with_us
 * @property {boolean | null} watch_present
 * @property {string} why
 * @property {"UP" | "DEGRADED" | "DOWN"} line
 * @property {string[]} alarms
 * @property {number | null} missed
 * @property {number | null} rtt_p95_ms
 * @property {boolean} clock_suspect
 * @property {ForkRow[]} forks
 * @property {number | null} line_test_own_at_ms
 * @property {number | null} line_test_held_at_ms
 * @property {number | null} line_test_their_at_ms
 * @property {Record<string, number>} refused
 * @property {Record<string, number>} refused_by_peer
 */

/** @typedef {{feed: string, state: "up" | "waiting" | "ended" | "failed", plots: number, rejected: Record<string, number>, last_plot_at_ms: number | null, note: string}} FeedRow */

/**
 * @typedef {object} ZoneRow
 * @property {string} zone
 * @property {string} name
 * @property {"border" | "zone" | "fir"} kind
 * @property {string} asserted_by
 * @property {number[][][]} rings  latitude and longitude, outer ring first
 * @property {number | null} floor_ft
 * @property {number | null} ceiling_ft
 * @property {number} margin_m
 */

/** @typedef {{own: number, shared: number, unattributed: number, stale: number, not_assessed: number, not_assessed_why: Record<string, number>, conflicts: number}} Counts */
/** @typedef {{digest: string, name: string, by: string, at_ms: number, expires_at_ms: number, wider_because: string[]}} ProposedPolicy */
/** @typedef {{name: string, digest: string, between: string[], said_by: string[], in_force: boolean}} OverrideRow */
/** @typedef {{digest: string, name: string, since_ms: number | null, by: string[], baseline: string, baseline_name: string, is_wider: boolean, wider_because: string[], proposed: ProposedPolicy | null, undo_to: string | null, overrides: OverrideRow[]}} PolicyState */
/** @typedef {{since_ms: number, flight_hours: number, raised: Record<string, number>, useful: number, not_useful: number}} NuisanceRow */
/** @typedef {{table: string, party: string, n: number, ours: string, other: string, told_by: string, leaves: string[]}} ContradictionRow */

/**
 * @typedef {object} Board
 * @property {number} at_ms
 * @property {number} number
 * @property {string} party
 * @property {string} party_name
 * @property {string} node
 * @property {{id: string, name: string}[]} parties  own first
 * @property {string[]} badges
 * @property {string} role
 * @property {AlertRow[]} alerts
 * @property {number} alerts_total
 * @property {MessageRow[]} messages
 * @property {number} messages_total
 * @property {PeerRow[]} peers
 * @property {FeedRow[]} feeds
 * @property {ZoneRow[]} zones
 * @property {Counts} counts
 * @property {string[]} not_built_yet
 * @property {string[]} faults
 * @property {number[]} centre_e7
 * @property {number} range_nm
 * @property {Record<string, any>[]} tables
 * @property {boolean} audible
 * @property {ContradictionRow[]} contradictions
 * @property {NuisanceRow | null} nuisance
 * @property {PolicyState | null} policy
 * @property {Record<string, number>} flash_said
 * @property {Record<string, number>} flash_misused
 */

/**
 * @typedef {object} StateRow
 * @property {string} label
 * @property {string | null} party
 * @property {number} number
 * @property {number} applicable_at_ms
 * @property {number} latitude_e7
 * @property {number} longitude_e7
 * @property {number | null} altitude_ft
 * @property {"pressure" | "ellipsoid" | ""} datum
 * @property {number | null} v_east_mps
 * @property {number | null} v_north_mps
 * @property {number | null} v_up_fpm
 * @property {number | null} position_sigma_m
 * @property {number} plots
 * @property {string} not_assessed
 */

/** @typedef {{horizontal_m: number, vertical_ft: number, lookahead_s: number}} MinimaRow */

/**
 * @typedef {object} Judged
 * @property {number} at_ms
 * @property {Level} level
 * @property {StateRow[]} tracks
 * @property {string} profile
 * @property {"conflict" | "entry" | "inside" | "approach" | "leaving" | "outside" | "gone" | "not_assessed"} rule
 * @property {MinimaRow | null} minima
 * @property {MinimaRow | null} hold
 * @property {number} lookahead_s
 * @property {number} alarm_s
 * @property {number} warning_s
 * @property {number[]} confirm
 * @property {number | null} time_in_s
 * @property {number | null} time_out_s
 * @property {number | null} time_to_nearest_s
 * @property {number | null} distance_m
 * @property {number | null} vertical_ft
 * @property {number} latitude_e7
 * @property {number} longitude_e7
 * @property {number[][]} levels
 * @property {number | null} margin_m
 */

/** @typedef {{party: string, alert: string, level: Level, sent_at_ms: number, event_at_ms: number | null, distance_m: number | null, vertical_ft: number | null, is_cleared: boolean}} PeerTold */
/** @typedef {{alert: string, kind: AlertKind, zone: string | null, raised: Judged | null, now: Judged | null, because: string, told: PeerTold[]}} Explanation */

/** @typedef {{peer: string, every_ms: number, at_ms: number[], state: string[], rtt_ms: (number | null)[], offset_ms: (number | null)[], backlog: number[], receipt_lag_ms: (number | null)[]}} LinkSamples */
/** @typedef {{log: string, writer: string, reader: string, lane: string, epoch: number, size: number, signed: number, receipted: number, receipt_at_s: number | null, root: string}} LogRow */
/** @typedef {{seq: number, hash: string, ts_ms: number, kind: string, precedence: string, by: string, size: number, words: string, is_held: boolean, answers: string[]}} LeafRow */
/** @typedef {{log: string, size: number, rows: LeafRow[], next: number | null, scanned: number}} LeafPage */
/** @typedef {{node: string, use: string, vkey: string}} KeyRow */
/** @typedef {{party: string, node: string, digits: string}} RootRow */
/** @typedef {{log: string, size: number, start: number, tiles: string[], checkpoint: string, receipt: string | null, keys: KeyRow[], roots: RootRow[]}} ProofParts */
/** @typedef {{from_ms: number, to_ms: number}} Span */
/** @typedef {{spans: Span[], hours: number, mb: number, used_mb: number, rows_lost: number, fault: string}} Kept */
/** @typedef {{at_ms: number, log: string, lane: string, seq: number, writer: string, reader: string, kind: string, precedence: string, by: string, hash: string, re: string[], body: Record<string, any> | null}} SaidRow */
/** @typedef {{rows: SaidRow[], more: boolean}} SaidPage */
/** @typedef {{outcome: string, failures: string[][], parties: string[]}} DossierChecked */
/** @typedef {{log: string, form: string, start: number, stop: number, size: number, receipt_outstanding: number, without_body: number, only_incident: boolean}} Portion */

/** @typedef {{position_grid_m: number, altitude_step_ft: number, delay_s: number, every_s: number}} PrecisionRow */
/** @typedef {{name: string, effect: "release" | "withhold", why: string, to: string[], when: Record<string, any>, fields: string[], precision: PrecisionRow | null}} RuleRow */
/** @typedef {{name: string, ring: number[][], centre_e7: number[], radius_nm: number}} AreaRow */
/** @typedef {{peer: string, name: string, note: string, digest: string, rules: RuleRow[], areas: AreaRow[], released: number, withheld: Record<string, number>}} ReleaseView */

export {};
