"""What a desk showed is kept by the hour and can be shown again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from detente.desk.frame import ALTITUDE_UNKNOWN, COLUMNS, track_frame
from detente.desk.record_view import Span
from detente.node.pictures import BEAT_MS, PictureLog, frame_of, rows_of
from detente.node.recordings import open_recording
from detente.picture.picture import NOBODY, TRACK
from detente.types import Instant
from detente.units import M_PER_FT, MPS_PER_KT

HOUR_MS = 3_600_000
NOON_MS = 1_764_590_400_000  # 2025-12-01 12:00:00Z
PARTIES = ["alfa", "bravo"]


@dataclass
class Limits:
    hours: int = 48
    mb: int = 100


def frame(at_ms: int, *numbers: int, lat: float = 41.0, age_s: float = 0.4, also: int = 0, **columns: object) -> bytes:
    tracks = np.zeros(len(numbers), TRACK)
    tracks["number"] = numbers
    tracks["identity"] = [f"{n:06x}".encode() for n in numbers]
    tracks["callsign"] = [f"T{n}".encode() for n in numbers]
    tracks["latitude_rad"], tracks["longitude_rad"] = np.radians(lat), np.radians(36.0)
    tracks["altitude_pressure_m"] = 30_000 * M_PER_FT
    tracks["v_east_mps"], tracks["v_north_mps"] = 0.0, 360 * MPS_PER_KT
    tracks["declared_by"] = NOBODY
    for name, value in columns.items():
        tracks[name] = value
    now = Instant(at_ms * 1_000_000)
    plotted = np.full(len(numbers), now - round(age_s * 1e9), np.int64)
    return track_frame(tracks, np.full(len(numbers), also, np.uint8), now, plotted)


def told(frame: bytes) -> dict[str, list]:
    message = msgspec.msgpack.decode(frame)
    return {name: np.frombuffer(message[name], code).tolist() for name, code in COLUMNS.items()}


def test_what_was_shown_is_shown_again_as_it_was(tmp_path: Path) -> None:
    kept = PictureLog(tmp_path, PARTIES, Limits())
    shown = frame(NOON_MS, 1, 2, also=0b10, declared_by=[0, NOBODY], party=[0, 1], not_assessed=[0, 3])
    kept.take(shown)
    kept.flush()
    (again,) = PictureLog(tmp_path, PARTIES, Limits()).frames(NOON_MS, 1000, 1)
    assert told(again) == told(shown)


def test_what_is_unknown_stays_unknown(tmp_path: Path) -> None:
    kept = PictureLog(tmp_path, PARTIES, Limits())
    kept.take(frame(NOON_MS, 1, altitude_pressure_m=np.nan, v_north_mps=np.nan, v_up_mps=np.nan))
    kept.flush()
    again = told(kept.frames(NOON_MS, 1000, 1)[0])
    assert again["alt_ft"] == [ALTITUDE_UNKNOWN]
    assert np.isnan([again["gs_kt"][0], again["trk_deg"][0], again["vs_fpm"][0]]).all()


def test_a_track_without_news_is_written_once_in_ten_seconds_and_carried_on_between(tmp_path: Path) -> None:
    kept = PictureLog(tmp_path, PARTIES, Limits())
    for s in range(31):
        kept.take(frame(NOON_MS + s * 1000, 1, age_s=0.4 + s, lat=41.0 + s * 0.1 / 60))
    assert sum(map(len, kept._waiting)) == 4
    again = told(kept.frames(NOON_MS + 7000, 1000, 1)[0])
    assert again["lat"] == pytest.approx([41.0 + 0.7 / 60], abs=1e-5)
    assert again["age_s"] == pytest.approx([7.4], abs=1e-5)


def test_a_new_plot_another_mark_or_another_owner_is_news(tmp_path: Path) -> None:
    kept = PictureLog(tmp_path, PARTIES, Limits())
    kept.take(frame(NOON_MS, 1, 2, 3, 4))
    kept.take(frame(NOON_MS + 1000, 1, 2, 3, 4, age_s=1.4, flags=[0, 2, 0, 0], declared_by=[NOBODY, NOBODY, 0, NOBODY]))
    kept.take(frame(NOON_MS + 2000, 1, 2, 3, 4, age_s=0.2, flags=[0, 2, 0, 0], declared_by=[NOBODY, NOBODY, 0, NOBODY]))
    assert [rows["number"].tolist() for rows in kept._waiting] == [[1, 2, 3, 4], [2, 3], [1, 2, 3, 4]]


def test_what_left_the_picture_is_gone_from_it_again_within_eleven_seconds(tmp_path: Path) -> None:
    kept = PictureLog(tmp_path, PARTIES, Limits())
    for s in range(40):
        kept.take(frame(NOON_MS + s * 1000, *([1, 2] if s < 5 else [1])))
    assert told(kept.frames(NOON_MS + 4000, 1000, 1)[0])["number"] == [1, 2]
    assert told(kept.frames(NOON_MS + 4000 + BEAT_MS + 2000, 1000, 1)[0])["number"] == [1]


def test_the_parts_of_an_hour_become_one_file_and_nothing_is_told_twice(tmp_path: Path) -> None:
    kept = PictureLog(tmp_path, PARTIES, Limits())
    for minute in range(0, 150, 30):
        kept.take(frame(NOON_MS + minute * 60_000, 1))
        kept.flush()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names[:2] == ["20251201T12.parquet", "20251201T13.parquet"]
    assert [name.partition("-")[0] for name in names[2:]] == ["20251201T14"]
    again = PictureLog(tmp_path, PARTIES, Limits())
    assert len(again._rows(NOON_MS, NOON_MS + 3 * HOUR_MS)) == 5


def test_an_end_between_joining_and_deleting_loses_and_doubles_nothing(tmp_path: Path) -> None:
    kept = PictureLog(tmp_path, PARTIES, Limits())
    kept.take(frame(NOON_MS, 1))
    kept.flush()
    (part,) = tmp_path.iterdir()
    (tmp_path / "20251201T12.parquet").write_bytes(part.read_bytes())
    (tmp_path / "20251201T12.half").write_bytes(b"PAR1, and then the power went")
    again = PictureLog(tmp_path, PARTIES, Limits())
    assert len(again._rows(NOON_MS, NOON_MS + HOUR_MS)) == 1


def test_gaps_are_told_as_gaps_and_a_short_silence_is_none(tmp_path: Path) -> None:
    kept = PictureLog(tmp_path, PARTIES, Limits())
    for at_ms in (NOON_MS, NOON_MS + 9000, NOON_MS + 60_000):
        kept.take(frame(at_ms, 1))
        kept.flush()
    assert kept.kept().spans == [Span(NOON_MS, NOON_MS + 9000), Span(NOON_MS + 60_000, NOON_MS + 60_000)]


def test_the_oldest_hours_go_when_they_are_too_old_or_too_many(tmp_path: Path) -> None:
    kept = PictureLog(tmp_path, PARTIES, Limits(hours=2))
    for hour in range(5):
        kept.take(frame(NOON_MS + hour * HOUR_MS, 1))
        kept.flush()
    assert kept.kept().spans[0].from_ms >= NOON_MS + 2 * HOUR_MS
    small = PictureLog(tmp_path, PARTIES, Limits(mb=0))
    small.flush()
    assert len(small.kept().spans) == 1


def test_a_disk_that_takes_nothing_is_said_and_the_rows_wait(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    kept = PictureLog(tmp_path / "taken", PARTIES, Limits())
    kept.take(frame(NOON_MS, 1))
    kept.flush()
    assert kept.kept().fault
    (tmp_path / "taken").unlink()
    kept.flush()
    assert (kept.kept().fault, kept.kept().used_mb > 0 or kept.kept().spans != []) == ("", True)


def test_no_picture_is_kept_where_none_is_wanted(tmp_path: Path) -> None:
    kept = PictureLog(tmp_path / "none", PARTIES, Limits(hours=0))
    kept.take(frame(NOON_MS, 1))
    kept.flush()
    assert not (tmp_path / "none").exists()


def test_a_window_is_answered_in_pieces_of_a_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = PictureLog(tmp_path, PARTIES, Limits())
    kept.take(frame(NOON_MS, *range(1, 200)))
    monkeypatch.setattr("detente.node.pictures.FRAMES_BYTES_MAX", 30_000)
    frames = kept.frames(NOON_MS, 1000, 100)
    assert 1 <= len(frames) < 100
    assert sum(map(len, frames)) <= 30_000


def test_another_tool_reads_an_hour_as_any_recording(tmp_path: Path) -> None:
    kept = PictureLog(tmp_path, PARTIES, Limits())
    kept.take(frame(NOON_MS, 1, 2))
    kept.flush()
    (path,) = tmp_path.iterdir()
    plots = open_recording(path).plots
    assert plots["identity"].tolist() == [b"000001", b"000002"]
    assert np.degrees(plots["latitude_rad"]) == pytest.approx([41.0, 41.0])


def test_a_party_is_kept_by_its_name_whatever_its_number_is_later(tmp_path: Path) -> None:
    kept = PictureLog(tmp_path, PARTIES, Limits())
    kept.take(frame(NOON_MS, 1, declared_by=1, party=1))
    kept.flush()
    again = told(PictureLog(tmp_path, ["alfa", "charlie", "bravo"], Limits()).frames(NOON_MS, 1000, 1)[0])
    assert (again["party"], again["declared_by"]) == ([2], [2])


def test_a_frame_of_nothing_is_an_empty_sky() -> None:
    assert told(frame_of(rows_of(frame(NOON_MS)), NOON_MS))["number"] == []
