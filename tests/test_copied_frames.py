"""Frames that a new version takes over stay what they were, with all that goes with them, or are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_attributes, plate_pixels

from wanfx.cli.main import main
from wanfx.frames import Box
from wanfx.io import exr

FRAMES = 5
RANGE = ("--frames", f"{FIRST + 1}-{FIRST + 2}")


def _shot(folder: Path, **changes: Any) -> Path:
    """A tiny shot with hand-made mattes."""
    options: dict[str, Any] = {"subjects": [{"name": "walker", "matte": "roto/roto.####.exr"}]}
    path = make_tiny_shot(folder / "shot", frames=FRAMES, **(options | changes))
    for index in range(FRAMES):
        _write_matte(folder, index, plate_pixels(index)[1])
    return path


def _write_matte(folder: Path, index: int, box: Box) -> None:
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[box.slices()] = 1
    path = folder / "shot" / "roto" / f"roto.{FIRST + index}.exr"
    path.parent.mkdir(exist_ok=True)
    exr.write_matte(path, matte, data_window=Box(0, 0, WIDTH, HEIGHT))


def _run(folder: Path, *flags: str) -> int:
    return main(["run", str(folder / "shot" / "shot.json"), "--out", str(folder / "out"), "--quiet", *flags])


def _version(folder: Path, number: int) -> Path:
    return folder / "out" / "tiny" / f"v{number:03d}"


def test_mattes_of_frames_that_are_taken_over_are_those_they_were_made_with(tmp_path: Path) -> None:
    _shot(tmp_path)
    assert _run(tmp_path) == 0
    _write_matte(tmp_path, 4, Box(10, 10, 60, 60))
    assert _run(tmp_path, *RANGE, "--set", "finish.margin_px=3") == 0
    for name in ("walker", "char_walker"):
        before, after = (_version(tmp_path, n) / "matte" / name / f"{name}.{FIRST + 4}.exr" for n in (1, 2))
        assert before.read_bytes() == after.read_bytes()
    comp = next((_version(tmp_path, 2) / "comp").glob(f"*{FIRST + 4}.exr"))
    part = exr.read_parts(comp, ["matte_subject"])[0]["matte_subject"].planes["matte_subject.A"]
    assert np.array_equal(part, exr.read_matte(_version(tmp_path, 2) / "matte" / "walker" / f"walker.{FIRST + 4}.exr"))


@pytest.mark.parametrize(
    ("change", "what"), [({"task": "animate"}, "task"), ({"subjects": [{"name": "ida", "matte": "roto/roto.####.exr"}]},
                                                        "parts")],
    ids=["task", "name"],
)  # fmt: skip
def test_frames_that_do_not_go_with_new_ones_are_not_taken_over(
    tmp_path: Path, change: dict[str, Any], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shot = _shot(tmp_path)
    assert _run(tmp_path) == 0
    shot.write_text(json.dumps(json.loads(shot.read_text()) | change))
    assert _run(tmp_path, *RANGE) == 2
    told = capsys.readouterr().err
    assert f"another {what}" in told and "run without --frames" in told
    assert _run(tmp_path) == 0


@pytest.mark.parametrize("flags", [(), ("--set", "finish.light_wrap=0.2"), ("--set", "finish.grade=apply")])
def test_bad_pixels_in_a_kept_actor_stay_in_the_comp_and_in_no_layer(tmp_path: Path, flags: tuple[str, ...]) -> None:
    _shot(tmp_path, task="background", background={"path": "reference.png"}, reference=None)
    rgb, box = plate_pixels(2)
    rgb = rgb.copy()
    rgb[box.y0 + 20, box.x0 + 10] = np.nan
    path = tmp_path / "shot" / "plate" / f"tiny.{FIRST + 2}.exr"
    exr.write_rgb(path, rgb, data_window=Box(0, 0, WIDTH, HEIGHT), attributes=plate_attributes(2))
    assert _run(tmp_path, "--set", "ingest.bad_pixels=keep", *flags) == 0
    parts = exr.read_parts(next((_version(tmp_path, 1) / "comp").glob(f"*{FIRST + 2}.exr")))[0]
    for name, part in parts.items():
        if name != "rgba":
            assert np.isfinite(np.stack(list(part.planes.values())).astype(np.float32)).all(), name
    if not flags:
        assert np.isnan(parts["rgba"].planes["R"][box.y0 + 20, box.x0 + 10])


def test_knobs_that_do_not_change_a_hand_made_matte_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _shot(tmp_path)
    assert _run(tmp_path, "--set", "matte.grow_px=5") == 0
    assert "hand-made mattes are taken as they are" in capsys.readouterr().err
