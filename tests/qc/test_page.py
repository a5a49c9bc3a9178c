"""The report's page: all of it in one file, everything in it, nothing in it that was not escaped."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wanfx.errors import InputError
from wanfx.events import StageFinished, StageStarted, UnitFinished, Warned
from wanfx.frames import Size
from wanfx.qc.measures import BESIDE, FRAME, SPECS, find_spec, read_measures, series, write_measures
from wanfx.qc.page import PageContent, draw_page
from wanfx.qc.page_findings import find_findings
from wanfx.qc.page_pictures import FramePictures, Overlay
from wanfx.qc.plots import BUCKETS, draw_plot, reduce_series
from wanfx.qc.promises import NAMES
from wanfx.qc.timings import gather_timings

_NASTY = "<b>&\"'</script><img src=x onerror=alert(1)>"
_VOID = {"meta", "img", "input", "link", "br", "hr", "line", "circle", "polyline", "polygon"}
_ROWS = [{FRAME: frame, "matte_confidence": 0.9, "matte_area_px": 0.1 + 0.001 * frame} for frame in range(1, 11)]


def _manifest(**changes: Any) -> dict[str, Any]:
    return {
        "wanfx": "0.1.0", "show": "", "seq": "", "shot": "sh010", "task": "replace", "backend": "draft",
        "quality": "draft", "frames": "1-10", "cut": "1-10", "seed": 0, "consent": {}, "subjects": [{"name": "actor"}],
        "plate": {
            "source": "plate.mov", "size": [64, 36], "pixel_aspect": 1.0, "source_colorspace": "ACEScg",
            "source_colorspace_from": "the shot", "pixel_type": "half", "fps": "24000/1001", "held": {},
            "bad_pixels": {},
        },
        "comp": {"pattern": "comp/sh010.####.exr", "colorspace": "ACEScg"},
        "color": {
            "config": "studio", "config_sha256": "f" * 64,
            "model_space": {"name": "m", "exposure_stops": 0.0, "ceiling_linear": 64.0},
        },
        "models": [{"name": "lite", "revision": "7", "licence": "Apache-2.0", "sha256": "ab12" * 16}],
        "options": {
            "matte.grow_px": {"value": 4.0, "from": "shot"}, "matte.soften_px": {"value": 0.0, "from": "default"},
            "refine.radius_px": {"value": 8, "from": "flag"},
        },
        "promises": [{"name": name, "state": "held", "evidence": f"looked at {name}"} for name in NAMES],
        "frame_facts": {str(frame): {"timecode": None} for frame in range(1, 11)},
    } | changes  # fmt: skip


def _draw(rows: list[dict[str, Any]] = _ROWS, *, timings: dict[str, Any] | None = None, **changes: Any) -> str:
    manifest = _manifest(**changes)
    pictures = [
        FramePictures(1, b"thumb"),
        FramePictures(5, b"thumb", b"comp", b"plate", {"matte_edit": b"png"}),
        FramePictures(6, b"thumb", b"comp", None, {}),
    ]
    overlays = [Overlay("matte_edit", "edit", "#3aa0ff")]
    said = {"seconds": 12.5, "stages": [], "warnings": []} | (timings or {})
    return draw_page(
        PageContent("v003", manifest, rows, said, find_findings(manifest, rows), pictures, overlays, Size(64, 36), "v")
    )


class _Page(HTMLParser):
    """What is in a page; it fails where tags do not close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def test_the_page_parses_and_needs_nothing_from_outside() -> None:
    text = _draw()
    page = _Page(text)
    sources = [value or "" for _tag, names in page.tags for key, value in names.items() if key in ("src", "href")]
    assert sources
    assert all(source.startswith(("data:image/", "#")) for source in sources)
    assert not {tag for tag, _names in page.tags} & {"link", "iframe", "object", "base"}
    assert all(word not in text for word in ("http:", "https:", "url(", "@import", "fetch(", '"//'))


def test_what_people_cannot_see_is_said_in_words() -> None:
    page = _Page(_draw())
    images = [names for tag, names in page.tags if tag == "img"]
    plots = [names for tag, names in page.tags if tag == "svg"]
    assert images
    assert plots
    assert all(names["alt"] for names in images)
    assert all(names["aria-label"] and names["tabindex"] == "0" for names in plots)
    assert dict(page.tags)["html"] == {"lang": "en"}


def test_every_promise_is_there_with_its_state_and_evidence() -> None:
    promises = [
        {"name": name, "state": state, "evidence": f"evidence {index}"}
        for index, (name, state) in enumerate(zip(NAMES, ["held", "broken", "not-applicable"] * 3, strict=False))
    ]
    text = _Page(_draw(promises=promises)).text
    for promise in promises:
        assert promise["name"] in text
        assert promise["evidence"] in text
    assert "2 BROKEN" in text or "3 BROKEN" in text


def test_a_draft_says_that_it_is_one_and_a_final_does_not() -> None:
    assert "This is a draft" in _draw(quality="draft")
    assert "not final" not in _draw(quality="final")
    assert "<title>sh010 v003, draft</title>" in _draw(quality="draft")


def test_whatever_people_may_name_is_escaped() -> None:
    plain = _Page(_draw())
    nasty = _draw(
        [{**row, "notes": [_NASTY], f"{_NASTY}_px": row[FRAME]} for row in _ROWS],
        timings={"warnings": [{"stage": _NASTY, "text": _NASTY, "frame": 3}]},
        shot=_NASTY, show=_NASTY, subjects=[{"name": _NASTY}], cut=_NASTY, consent={"record": _NASTY},
        models=[{"name": _NASTY, "revision": _NASTY, "licence": _NASTY, "sha256": _NASTY}],
        promises=[{"name": _NASTY, "state": _NASTY, "evidence": _NASTY}],
        options={_NASTY: {"value": _NASTY, "from": _NASTY}},
        character={"kind": _NASTY, "why_card": _NASTY, "missing": [_NASTY]},
    )  # fmt: skip
    page = _Page(nasty)
    assert '<b>&"' not in nasty
    assert _NASTY in page.text
    assert [tag for tag, _ in page.tags].count("script") == [tag for tag, _ in plain.tags].count("script")
    assert not [names for _tag, names in page.tags if "onerror" in names]


def test_only_options_that_somebody_set_are_listed_and_by_whom() -> None:
    page = _Page(_draw())
    assert re.search(r"matte\.grow_px .* 4 0 shot +refine\.radius_px .* 8 not set flag", page.text, re.DOTALL)
    assert "matte.soften_px" not in page.text


def test_the_same_delivery_makes_the_same_page() -> None:
    assert _draw() == _draw()


def test_a_frame_without_a_plate_is_shown_all_the_same() -> None:
    page = _Page(_draw())
    alts = [names["alt"] for tag, names in page.tags if tag == "img"]
    assert {"Plate, frame 5", "Comp, frame 5", "Comp, frame 6"} <= set(alts)
    assert "Plate, frame 6" not in alts


def test_a_long_shot_makes_no_long_page_and_no_plot_is_cut() -> None:
    rows = [{FRAME: f, **{spec.name: (f * 7919 % 1000) / 999 for spec in SPECS}} for f in range(1001, 41001)]
    facts = {str(row[FRAME]): {"timecode": None} for row in rows}
    text = _draw(rows, frames="1001-41000", frame_facts=facts)
    assert len(text) < 700_000
    plots = [json.loads(names["data-points"] or "") for tag, names in _Page(text).tags if tag == "svg"]
    assert len(plots) == len([spec for spec in SPECS if spec.name not in BESIDE])
    for points in plots:
        assert points[0][0] == 1001
        assert points[-1][1] == 41000
        assert len(points) <= BUCKETS


@given(
    st.dictionaries(st.integers(1, 500), st.floats(-1e4, 1e4), min_size=1), st.integers(1, 50)
)  # fmt: skip
def test_reduced_series_keep_extremes_mean_and_every_frame(values: dict[int, float], count: int) -> None:
    buckets = reduce_series(values, buckets=count)
    assert len(buckets) <= count
    assert min(bucket.low for bucket in buckets) == min(values.values())
    assert max(bucket.high for bucket in buckets) == max(values.values())
    held = [[frame for frame in values if bucket.first <= frame <= bucket.last] for bucket in buckets]
    assert sorted(frame for frames in held for frame in frames) == sorted(values)
    total = math.fsum(bucket.mean * len(frames) for bucket, frames in zip(buckets, held, strict=True))
    assert total == pytest.approx(math.fsum(values.values()), rel=1e-9, abs=1e-6)


@given(st.dictionaries(st.integers(1, 60), st.floats(-1e6, 1e6), min_size=1), st.sampled_from(SPECS))
def test_any_series_can_be_drawn_inside_its_plot(values: dict[int, float], spec: Any) -> None:
    bounded = {frame: min(1.0, abs(value)) for frame, value in values.items()} if spec.is_share else values
    page = _Page(draw_plot(spec, bounded, frames=(1, 60), limit=spec.limit))
    points = json.loads(next(names["data-points"] for tag, names in page.tags if tag == "svg") or "")
    assert all(0 <= x <= 560 and 0 <= y <= 170 for *_values, x, y in points)


def test_measures_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [{**row, "notes": ["the matte is painted é"]} for row in _ROWS]
    write_measures(tmp_path / "measures.jsonl", rows)
    assert read_measures(tmp_path / "measures.jsonl") == rows
    with pytest.raises(ValueError, match="JSON"):
        write_measures(tmp_path / "measures.jsonl", [{FRAME: 1, "x_px": math.nan}])


@pytest.mark.parametrize("line", ["{", "[]", '{"x": 1}', '{"frame": "one"}'])
def test_a_broken_line_of_measures_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "measures.jsonl"
    path.write_text('{"frame": 1}\n' + line + "\n")
    with pytest.raises(InputError, match="line 2"):
        read_measures(path)


def test_a_measure_that_nobody_knows_is_plotted_under_its_own_name() -> None:
    text = _Page(_draw([{FRAME: frame, "left_knee_px": frame} for frame in range(1, 11)])).text
    assert "Left knee" in text
    assert list(series([{FRAME: 1, "zebra_px": 1, "edit_share": 0.5}])) == ["edit_share", "zebra_px"]
    assert find_spec("zebra_px").bad == "none"


def test_frames_that_are_bad_together_are_one_finding_at_their_worst() -> None:
    values = [0.9, 0.4, 0.2, 0.3, 0.9, 0.9, 0.45, 0.9]
    rows = [{FRAME: index, "matte_confidence": value} for index, value in enumerate(values)]
    found = find_findings(_manifest(), rows)
    assert [(one.frame, one.frames) for one in found] == [(2, "1-3"), (6, "6")]
    assert "0.2 at 2" in found[0].detail


def test_a_jump_stands_out_from_the_shot_it_is_in() -> None:
    slow = [{FRAME: f, "matte_jump_px": 40.0 if f == 7 else 2.0 + f % 3} for f in range(20)]
    quick = [{FRAME: f, "matte_jump_px": 40.0 + f % 3} for f in range(20)]
    assert [one.frame for one in find_findings(_manifest(), slow)] == [7]
    assert find_findings(_manifest(), quick) == []


def test_an_error_that_the_lock_took_away_is_not_worth_a_look() -> None:
    before = [{FRAME: f, "plate_error_model": 0.05} for f in range(5)]
    assert find_findings(_manifest(), before)
    assert not find_findings(_manifest(), [{**row, "error_left": 0.001} for row in before])
    text = _draw([{**row, "error_left": 0.001 * row[FRAME], FRAME: row[FRAME] + 1} for row in before])
    assert text.count('class="plot"') == 1
    assert "before it, mean 0.05" in text


def test_what_does_not_apply_is_said_with_its_reason() -> None:
    text = _Page(_draw()).text
    assert "Drift from the plate after the lock: no plate lock was at work" in text
    assert "Hand confidence, the lower hand: no hand was seen" in text


def test_held_bad_and_painted_frames_are_worth_a_look() -> None:
    plate = _manifest()["plate"] | {"held": {"3": 2}, "bad_pixels": {"4": 9}}
    rows = [{FRAME: frame, **({"notes": ["the matte is painted"]} if frame > 8 else {})} for frame in range(1, 11)]
    found = {one.title: one for one in find_findings(_manifest(plate=plate), rows)}
    assert found["the plate's frame is missing"].frames == "3"
    assert found["the plate has bad pixels"].detail.startswith("9 NaN")
    assert found["the matte is painted"].frames == "9-10"


def test_what_the_character_lacks_is_said() -> None:
    text = _draw(character={"kind": "puppet", "why_card": "", "missing": ["left hand", "right foot"]})
    assert "left hand, right foot" in text


def test_timings_tell_what_was_made_and_what_was_there_already() -> None:
    head = ("run", 0, "utc")
    events = [
        StageStarted(*head, "refine", 3), UnitFinished(*head, "refine", "1", True),
        UnitFinished(*head, "refine", "2", False), UnitFinished(*head, "refine", "3", False),
        StageFinished(*head, "refine", 1.5), Warned(*head, "ingest", "no rate", None),
        StageStarted(*head, "generate", 1), UnitFinished(*head, "generate", "1", False),
        UnitFinished(*head, "generate", "window", True), StageFinished(*head, "generate", 2.0),
    ]  # fmt: skip
    assert gather_timings(events) == {
        "stages": [
            {"stage": "refine", "seconds": 1.5, "made": 2, "reused": 1},
            {"stage": "generate", "seconds": 2.0, "made": 1, "reused": 0},
        ],
        "warnings": [{"stage": "ingest", "text": "no rate", "frame": None}],
    }


def test_what_was_done_to_a_new_background_is_said() -> None:
    text = _Page(_draw(task="background", world={"exposure_stops": -0.75, "lost_frames": [4, 5]})).text
    assert "changed by -0.75 stops" in text
    assert "lost in 2 frames from 4" in text
    assert "as it was given" in _Page(_draw(world={"exposure_stops": 0.0, "lost_frames": []})).text
    assert "New background" not in _Page(_draw(world=None)).text
