"""Events: written by one process, followed by another."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from wanfx.events import Event, EventLog, RunFinished, StageStarted, Warned, follow_events, parse_event, read_events


def test_events_are_read_back_as_they_were_written_in_order(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl", run="r1")
    heard: list[Event] = []
    log.listen(heard.append)
    log.emit(StageStarted, stage="ingest", units=3)
    log.emit(Warned, stage="ingest", text="Grüße", frame=1001)
    log.close()
    read = list(read_events(tmp_path / "events.jsonl"))
    assert read == heard
    assert [event.seq for event in read] == [0, 1]
    assert {event.run for event in read} == {"r1"}


def test_unknown_events_and_fields_are_ignored() -> None:
    known = {"event": "Warned", "run": "r", "seq": 0, "utc": "", "stage": "s", "text": "t", "news": 1}
    event = parse_event(json.dumps(known))
    assert isinstance(event, Warned)
    assert parse_event(json.dumps({**known, "event": "OfTheFuture"})) is None


def test_a_line_that_was_cut_short_is_ignored() -> None:
    assert parse_event('{"event": "Warned", "run": "r", "se') is None
    assert parse_event("[]") is None


def test_a_follower_gets_every_event_of_a_file_that_is_still_written(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    got: list[Event] = []
    follower = threading.Thread(target=lambda: got.extend(follow_events(path, is_over=lambda: False, poll_s=0.001)))
    follower.start()
    log = EventLog(path, run="r")
    for units in range(20):
        log.emit(StageStarted, stage="matte", units=units)
    log.emit(RunFinished, exit_code=0, text="done")
    log.close()
    follower.join(timeout=10)
    assert not follower.is_alive()
    assert [event.seq for event in got] == list(range(21))


def test_a_follower_of_a_run_that_died_ends(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl", run="r")
    log.emit(StageStarted, stage="matte", units=1)
    log.close()
    assert len(list(follow_events(tmp_path / "events.jsonl", is_over=lambda: True))) == 1
    assert list(follow_events(tmp_path / "never.jsonl", is_over=lambda: True)) == []
