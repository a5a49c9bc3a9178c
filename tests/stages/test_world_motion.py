"""A new world's motion against the camera, from plate to report: told, warned of, or not applicable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tiny import HEIGHT, WIDTH, make_tiny_shot, wall

from wanfx.cli.main import main
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.manifest import read_manifest

FRAMES = 12
SLIP = "world_slip_px"


def _deliver(folder: Path, *, background: Any, task: str = "background") -> Path:
    shot = make_tiny_shot(folder, frames=FRAMES, task=task, background=background)
    assert main(["run", str(shot), "--out", str(folder / "out"), "--quiet", "--set", "grain.match=off"]) == 0
    return folder / "out" / "tiny" / "v001"


def _rows(version: Path) -> dict[int, dict[str, Any]]:
    lines = (version / "report" / "measures.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["frame"]: row for row in map(json.loads, lines)}


def _write_world(path: Path, *, seed: int = 21, shift: int = 0) -> None:
    picture = cv2.resize(wall(seed), (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_CUBIC)
    picture = np.roll(picture, -shift, axis=1)[:HEIGHT, :WIDTH]
    exr.write_rgb(path, np.clip(picture, 0.01, 1).astype(np.float16), data_window=Box(0, 0, WIDTH, HEIGHT),
                  attributes={"colorInteropID": "lin_ap1_scene"})  # fmt: skip


def _write_clip(folder: Path, *, shift_px: int) -> str:
    (folder / "world").mkdir()
    for index in range(FRAMES):
        _write_world(folder / "world" / f"w.{index:04d}.exr", shift=shift_px * index)
    return "world/w.####.exr"


def test_a_still_that_follows_the_camera_does_not_slip_and_the_manifest_has_it(tmp_path: Path) -> None:
    _write_world(tmp_path / "world.exr")
    version = _deliver(tmp_path, background="world.exr")
    rows = _rows(version)
    assert max(row[SLIP] for row in rows.values()) < 0.3
    assert rows[1012]["camera_travel_px"] == pytest.approx(FRAMES - 1, abs=0.5)
    assert min(row["world_confidence"] for row in rows.values()) > 0.5
    facts = read_manifest(version / "manifest.json")["frame_facts"]["1012"]["world_motion"]
    assert facts[SLIP] == rows[1012][SLIP]
    page = (version / "report" / "index.html").read_text(encoding="utf-8")
    assert "Slip of the new world against the camera" in page
    assert "The world slips" not in page


def test_a_clip_that_stands_still_before_a_moving_camera_is_told_with_a_remedy(tmp_path: Path) -> None:
    version = _deliver(tmp_path, background={"path": _write_clip(tmp_path, shift_px=0)})
    rows = _rows(version)
    assert rows[1012][SLIP] == pytest.approx(FRAMES - 1, abs=0.5)
    page = (version / "report" / "index.html").read_text(encoding="utf-8")
    assert "The world slips" in page
    assert "background.follow=camera" in page
    warnings = json.loads((version / "run.json").read_text(encoding="utf-8"))["warnings"]
    assert any("slips against the camera by up to" in warning["text"] for warning in warnings)


def test_a_clip_that_was_rendered_with_the_cameras_move_does_not_slip(tmp_path: Path) -> None:
    version = _deliver(tmp_path, background={"path": _write_clip(tmp_path, shift_px=1)})
    assert max(row[SLIP] for row in _rows(version).values()) < 0.5
    assert "The world slips" not in (version / "report" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["stands in the frame", "no actor", "no world"])
def test_where_no_world_is_to_move_there_is_no_slip(tmp_path: Path, kind: str) -> None:
    _write_world(tmp_path / "world.exr")
    task = "replace" if kind == "no world" else "background"
    given = {"stands in the frame": {"path": "world.exr", "follow": "none"}, "no actor": {"mode": "remove"}}
    background = given.get(kind)
    version = _deliver(tmp_path, background=background, task=task)
    assert not any(SLIP in row or "camera_travel_px" in row for row in _rows(version).values())
    page = (version / "report" / "index.html").read_text(encoding="utf-8")
    assert "no new world is made that is to move with the camera" in page


def test_frames_that_are_copied_keep_what_was_measured_of_them(tmp_path: Path) -> None:
    _write_world(tmp_path / "world.exr")
    before = _rows(_deliver(tmp_path, background="world.exr"))
    out = str(tmp_path / "out")
    options = ["--set", "grain.match=off", "--set", "finish.light_wrap=0.2"]
    changed = main(["run", str(tmp_path / "shot.json"), "--out", out, "--quiet", "--frames", "1003-1005", *options])
    assert changed != 0  # frames of one version all have the same parts
    again = main(["run", str(tmp_path / "shot.json"), "--out", out, "--quiet", "--frames", "1003-1005", "--fresh",
                  "--set", "grain.match=off", "--set", "finish.world_defocus=on",
                  "--set", "finish.world_defocus_px=2"])  # fmt: skip
    assert again == 0
    after = _rows(tmp_path / "out" / "tiny" / "v002")
    assert after[1012][SLIP] == before[1012][SLIP]
    assert SLIP in after[1004]
