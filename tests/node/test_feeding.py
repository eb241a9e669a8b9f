"""What is refused of a sensor stands in the log: which sensor, why and how many; never a line a plot."""

from __future__ import annotations

import json

import structlog

from detente.desk.board import FeedRow
from detente.node import logs
from detente.node.feeding import Refused


def row(feed, **rejected):
    return FeedRow(feed=feed, state="up", plots=9, rejected=rejected, last_plot_at_ms=None)


def test_the_log_says_which_sensor_s_plots_are_refused_and_why_and_each_only_once(capsys):
    logs.set_up()
    refused = Refused()
    try:
        refused.note([row("radar", teleport=2), row("mast")])
        refused.note([row("radar", teleport=2), row("mast")])
        refused.note([row("radar", teleport=5, stale=1), row("mast", teleport=1)])
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["feed"], line["why"], line["count"]) for line in lines] == [
        ("radar", "teleport", 2),
        ("radar", "teleport", 3),
        ("radar", "stale", 1),
        ("mast", "teleport", 1),
    ]
    assert {line["event"] for line in lines} == {"plots refused"}
