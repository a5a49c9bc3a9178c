"""The report of a real delivery."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny import FIRST, make_tiny_shot

from wanfx.cli.main import main
from wanfx.delivery import Version
from wanfx.errors import InputError
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.manifest import read_manifest
from wanfx.qc.measures import read_measures
from wanfx.stages.measured import told_of
from wanfx.stages.report import choose_pictures, redraw_report

FRAMES = 6


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    shot = make_tiny_shot(folder / "shot", frames=FRAMES)
    assert main(["run", str(shot), "--out", str(folder / "out"), "--quiet"]) == 0
    return folder


@pytest.fixture
def version(made: Path, tmp_path: Path) -> Version:
    shutil.copytree(made, tmp_path / "made")
    return Version(tmp_path / "made" / "out" / "tiny" / "v001")


def _run(version: Version, *more: str) -> Version:
    root = version.folder.parents[2]
    assert main(["run", str(root / "shot" / "shot.json"), "--out", str(root / "out"), "--quiet", *more]) == 0
    return Version(version.folder.parent / "v002")


def _pictures(page: str, kind: str) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    found = re.findall(rf"data:image/{kind};base64,([A-Za-z0-9+/=]+)", page)
    decoded = [cv2.imdecode(np.frombuffer(base64.b64decode(one), np.uint8), cv2.IMREAD_UNCHANGED) for one in found]
    return [np.asarray(picture, np.uint8) for picture in decoded]


def test_a_report_drawn_again_from_the_delivery_is_the_same(version: Version) -> None:
    before = version.report.read_bytes()
    version.report.unlink()
    assert redraw_report(version.folder) == version.report
    assert version.report.read_bytes() == before


def test_the_report_is_small_and_its_pictures_can_be_seen(version: Version) -> None:
    page = version.report.read_text(encoding="utf-8")
    assert len(page) < 3_000_000
    shown, mattes = _pictures(page, "jpeg"), _pictures(page, "png")
    assert len(shown) >= 3 * FRAMES
    assert all(picture.std() > 3 for picture in shown)
    assert mattes
    assert all(picture.shape[2] == 4 and picture[..., 3].any() for picture in mattes)


def test_every_frame_has_its_measures(version: Version) -> None:
    rows = read_measures(version.measures)
    assert [row["frame"] for row in rows] == list(range(FIRST, FIRST + FRAMES))
    for row in rows:
        assert 0 < row["matte_confidence"] <= 1
        assert 0 < row["matte_area_px"] / (192 * 108) < row["edit_share"] < 1
        assert 0 < row["character_area_px"] < 192 * 108
        assert row["clipped_share"] == 0
        assert 0 < row["seam_energy"] < 2
        assert row["comp_max_linear"] == 40.0
        assert row["comp_min_linear"] == pytest.approx(-0.05, abs=1e-3)
        assert {"camera_confidence", "clean_seen_share", "plate_error_model", "at_ceiling_share"} <= row.keys()
    assert "flicker" not in rows[0]
    assert all({"flicker", "plate_flicker"} <= row.keys() for row in rows[1:-1])
    assert "matte_jump_px" not in rows[0]
    assert all(0 < row["matte_jump_px"] < 12 for row in rows[1:])


def test_what_lock_and_grain_found_of_a_frame_is_measured_under_plain_names() -> None:
    match = {"drift_before": 4.0, "drift_after": 0.5, "shift_x_px": 0.4}
    told = told_of({"performance": {"left_wrist_px": 1.0}, "match": match, "grain": None})
    assert told == {"left_wrist_px": 1.0, "drift_before_de": 4.0, "drift_after_de": 0.5, "shift_x_px": 0.4}
    assert told_of({}) == {}


def test_the_report_is_no_file_of_the_manifest_and_verify_does_not_miss_it(version: Version) -> None:
    assert not [e for e in read_manifest(version.manifest)["files"] if e["path"].startswith("report/")]
    assert main(["verify", str(version.folder)]) == 0
    shutil.rmtree(version.report.parent)
    assert main(["verify", str(version.folder)]) == 0


def test_a_run_that_finds_all_up_to_date_leaves_the_report_alone(version: Version) -> None:
    version.report.write_text("a note of mine")
    assert not _run(version).folder.exists()
    assert version.report.read_text() == "a note of mine"


def test_two_runs_of_one_shot_have_the_same_measures(version: Version) -> None:
    assert _run(version, "--fresh").measures.read_bytes() == version.measures.read_bytes()


def test_copied_frames_keep_the_measures_they_were_delivered_with(version: Version) -> None:
    marked = version.measures.read_text().replace('"edit_share"', '"mark_px": 1, "edit_share"')
    version.measures.write_text(marked)
    again = _run(version, "--frames", str(FIRST), "--set", "generate.window_frames=2", "--set", "finish.margin_px=4")
    rows = read_measures(again.measures)
    assert "mark_px" not in rows[0]
    assert "mark_px" in rows[-1]


def test_a_painted_matte_is_in_the_report_of_the_next_run(version: Version) -> None:
    painted = version.matte("walker").path(FIRST + 2)
    exr.write_matte(painted, np.roll(exr.read_matte(painted), 3, axis=1))
    again = _run(version)
    assert "the matte is painted" in read_measures(again.measures)[2]["notes"]
    assert "The matte is painted" in again.report.read_text(encoding="utf-8")


def test_a_delivery_without_its_plate_can_still_be_drawn(version: Version) -> None:
    shutil.rmtree(version.folder.parents[2] / "shot")
    page = redraw_report(version.folder).read_text(encoding="utf-8")
    assert "The plate is not where it was" in page
    assert 'alt="Plate' not in page


def test_the_timings_are_in_run_json_by_stage(version: Version) -> None:
    timings = json.loads(version.timings.read_text())
    stages = {stage["stage"]: stage for stage in timings["stages"]}
    assert stages["finish"]["made"] == FRAMES
    assert (stages["refine"]["made"], stages["refine"]["reused"]) == (FRAMES, 0)
    assert 0 < stages["finish"]["seconds"] < timings["seconds"]
    again = _run(version, "--set", "finish.margin_px=20")
    resumed = {stage["stage"]: stage for stage in json.loads(again.timings.read_text())["stages"]}
    assert (resumed["refine"]["made"], resumed["refine"]["reused"]) == (0, FRAMES)
    assert resumed["finish"]["made"] == FRAMES


def test_a_delivery_that_lacks_its_measures_says_so(version: Version) -> None:
    version.measures.unlink()
    with pytest.raises(InputError, match=r"measures\.jsonl"):
        redraw_report(version.folder)


def test_no_more_pictures_are_chosen_for_a_longer_shot() -> None:
    frames, large = choose_pictures(range(1001, 1101), [])
    more, large_of_more = choose_pictures(range(1001, 101001), [])
    assert len(more) == len(frames)
    assert len(large) == len(large_of_more) == 8
    assert {more[0], more[-1]} == {1001, 101000}
    assert large <= set(frames)


def test_even_a_delivery_of_pure_noise_makes_a_report_that_can_be_mailed(version: Version) -> None:
    noise = np.random.default_rng(3)
    for frame in range(FIRST, FIRST + FRAMES):
        path = version.folder / "comp" / f"tiny_draft_v001.{frame}.exr"
        parts, header = exr.read_parts(path)
        window = Box(0, 0, 640, 360)
        loud = [
            exr.Part(name, noise.random((360, 640, len(part.channels)), np.float32).astype(np.float16), part.channels)
            for name, part in parts.items()
        ]
        exr.write_parts(path, loud, data_window=window, display_window=window, attributes=header.attributes)
    manifest = json.loads(version.manifest.read_text())
    manifest["plate"]["display_window"] = [0, 0, 640, 360]
    version.manifest.write_text(json.dumps(manifest))
    assert redraw_report(version.folder).stat().st_size < 5_000_000
