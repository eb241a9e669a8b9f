"""What the tracker believes of an aircraft, and how long it waits for one: each figure with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from detente.units import M_PER_FT, M_PER_NM


@dataclass(frozen=True, slots=True)
class Limits:
    """Gates and times of the tracker. Times in intervals count the track's own mean interval between plots."""

    future_s: float = 5.0
    """A plot this far ahead of the clock is refused (FUTURE): clocks differ, but not by more."""
    old_s: float = 60.0
    """A plot this far behind the clock is refused (STALE): it says where an aircraft was."""

    lowest_altitude_m: float = -1_500.0 * M_PER_FT
    highest_altitude_m: float = 60_000.0 * M_PER_FT
    """Outside these an altitude is refused (ALTITUDE_OUTLIER)."""
    altitude_step_m: float = 500.0 * M_PER_FT
    climb_limit_mps: float = 30.0
    climb_change_mps2: float = 5.0
    """An altitude may differ from the predicted one by the step, by this rate and by what so much more each second
    adds: a climb begun meanwhile, and a told altitude that is seconds late."""
    altitude_memory_s: float = 30.0
    """How long an altitude is carried on when plots come without one."""

    speed_limit_mps: float = 900.0
    """Reported ground speed above it is refused (IMPOSSIBLE_SPEED)."""
    position_step_m: float = 0.6 * M_PER_NM
    """What a position may be off its prediction at once: time stamps of a second, a radar's noise."""
    acceleration_limit_mps2: float = 20.0
    """… and what a manoeuvre may add: half of this, times time squared."""
    reach_acceleration_mps2: float = 5.0
    reach_speed_mps: float = 350.0
    """No aircraft is farther from where it was than its speed, so much faster each second, takes it; up to this
    speed, or to 1.2 times its own."""

    leap_m: float = 5.0 * M_PER_NM
    """A track that moves so far between two plots, though it could, is mistrusted all the same."""

    reacquire_plots: int = 5
    reacquire_s: float = 4.0
    """After so many plots over so long that agree with each other and not with the track, the track moves to them."""
    established_plots: int = 5
    established_s: float = 15.0
    """A track heard for so long stays assessed when a second aircraft turns up under its address; the second is not."""
    mistrust_s: float = 30.0
    """How long a track stays not assessed after its last contradiction."""

    clock_step_s: float = 1.5
    """A stamp so far off what its track's used to be, and contradicted by the way flown, is of a clock that was set."""
    clock_late_s: float = 8.0
    clock_lasting_s: float = 3.0
    """Plots so old on arrival, or older than their track, for so long: of a clock that is behind (CLOCK_SKEW)."""
    clock_memory_s: float = 60.0
    """After so long a clock that was set is believed."""

    frozen_s: float = 8.0
    """A position repeated to the last digit for so long by an aircraft that says it moves is FROZEN."""
    moving_mps: float = 20.0
    """Ground speed above which a repeated position is an old one."""

    first_interval_s: float = 4.0
    """The interval assumed of a track with one plot."""
    longest_interval_s: float = 15.0
    """A source that is slower than this is treated as if it were not."""
    selected_lasting_s: float = 30.0
    """A selected altitude not told again for so long is forgotten. ADS-B repeats it every 1.25 s, radars ask for it
    every few turns, and a crew that has turned the knob is about to climb."""
    coast_after_intervals: float = 1.6
    coast_after_s: float = 3.0
    too_long_intervals: float = 2.5
    too_long_s: float = 10.0
    stale_after_intervals: float = 3.5
    stale_after_s: float = 15.0
    drop_after_intervals: float = 10.0
    drop_after_s: float = 60.0
    """COASTED, not assessed (COASTED_TOO_LONG), STALE and dropped: the longer of the two times each."""
    peers_share: float = 0.5
    """The part of the rows that peers' tracks may take: a peer that names thousands must not crowd out our own."""

    same_identity_m: float = 2.0 * M_PER_NM
    same_identity_vertical_m: float = 1_500.0 * M_PER_FT
    """Two tracks with one ICAO address within both are one aircraft …"""
    duplicate_m: float = 3.0 * M_PER_NM
    """… and farther apart than this they are two: DUPLICATE_ADDRESS."""
    together_m: float = 15.0
    together_sigmas: float = 3.0
    together_vertical_m: float = 100.0 * M_PER_FT
    together_speed_mps: float = 3.0
    together_s: float = 20.0
    together_moving_mps: float = 10.0
    """Tracks without a common address are one aircraft only when they have stayed this near and this equal in speed
    for so long, in motion: an aerotow (60 m of rope) and aircraft parked side by side must stay two."""
