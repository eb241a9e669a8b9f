"""From plots to alerts: tracker, detector and alert book in one step, the same live and in a replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from detente.alerts.alert import AlertEvent
from detente.alerts.life import AlertBook
from detente.detect.assessment import Assessment
from detente.detect.conformance import Declared, Tolerance
from detente.detect.detector import Detector
from detente.detect.volume import Activity
from detente.feeds.plot import Plots
from detente.picture.picture import NOBODY, Tracks
from detente.picture.tracker import Tracker
from detente.types import Instant, duration_ns

_QUIET_NS: Final = duration_ns(5.0)
"""Without a new plot nothing but the clock has moved; a pass this often is enough for coasting and clearing."""


class Surveillance:
    """One party's watch over its picture. `tracks`, `assessment` and `book` stand as the last pass left them."""

    def __init__(self, tracker: Tracker, detector: Detector, book: AlertBook) -> None:
        self.tracker = tracker
        self.detector = detector
        self.book = book
        self.tracks: Tracks = tracker.snapshot()
        self.assessment = Assessment(Instant(0), 0)
        self._has_new = False
        self._declared: Declared | None = None

    def set_activities(self, activities: Sequence[Activity], tolerance: Tolerance | None = None) -> None:
        """Watch from the next pass on that the tracks of *activities*, and of no others, keep to their volumes."""
        self._declared = Declared(activities, tolerance) if activities else None

    def take(
        self,
        party: int,
        source: int,
        plots: Plots,
        now: Instant,
        declared_by: int | npt.NDArray[np.uint16] = NOBODY,
        *,
        synthetic: bool = False,
        is_assessed: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.int64]:
        """Take plots into the picture; returns the tracker's counts by reason (`Tracker.take`)."""
        self._has_new = True
        return self.tracker.take(party, source, plots, now, declared_by, synthetic=synthetic, is_assessed=is_assessed)

    def tick(self, now: Instant) -> list[AlertEvent]:
        """Bring the picture to *now*, judge it and return what changed among the alerts."""
        if not self._has_new and now - self.assessment.at < _QUIET_NS:
            return []
        self._has_new = False
        self.tracker.tick(now)
        self.tracks = self.tracker.snapshot()
        before, self.assessment = self.assessment, self.detector.assess(self.tracks, now)
        if self._declared is not None:
            kept, unjudged = self._declared.judge(self.tracks, now, before.conformance)
            lost = {(n.track, n.other) for n in self.assessment.not_assessed}
            self.assessment = replace(
                self.assessment,
                conformance=tuple(kept),
                not_assessed=self.assessment.not_assessed + tuple(n for n in unjudged if (n.track, None) not in lost),
            )
        return self.book.update(self.assessment, self.tracks, now)
