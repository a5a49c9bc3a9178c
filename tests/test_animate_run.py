"""Whole runs of task `animate` with Wan2.2-Animate at toy size: a new picture all over, and every promise told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from animate_shot import make_animate_shot
from tiny import FIRST, WIDTH, plate_pixels

from wanfx.backends.registry import add_generator
from wanfx.cli.main import main
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.io.pose_file import read_poses, write_poses
from wanfx.io.stills import read_still
from wanfx.manifest import read_manifest
from wanfx.ops.comp import Mattes, composite
from wanfx.ops.pose import empty_pose
from wanfx.pixels import to_float

sys.path.append(str(Path(__file__).parent / "backends"))
from tiny_animate import NAME, TinyAnimate
from tiny_wan import save_animate_folder

FRAMES, WINDOW = 7, 5
_NOT_APPLICABLE = {"plate-integrity", "plate-anchored-color", "two-mattes"}


@pytest.fixture(scope="module", autouse=True)
def tiny_wan(tmp_path_factory: pytest.TempPathFactory) -> None:
    torch.set_num_threads(1)
    TinyAnimate.folder = tmp_path_factory.mktemp("wan")
    save_animate_folder(TinyAnimate.folder)
    add_generator(NAME, TinyAnimate)


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    TinyAnimate.made, TinyAnimate.stops_after = [], 99


def _shot(folder: Path, *, frames: int = FRAMES, **changes: Any) -> Path:
    return make_animate_shot(folder, frames=frames, **changes)


def _run(folder: Path, *flags: str) -> int:
    shot, out = folder / "shot" / "shot.json", folder / "out"
    return main(["run", str(shot), "--out", str(out), "--events", str(folder / "events.jsonl"), "--quiet", *flags])


def _files(folder: Path, part: str) -> dict[str, str]:
    root = folder / "out" / "tiny" / part
    return {path.relative_to(root).as_posix(): sha256_file(path) for path in sorted(root.rglob("*.exr"))}


def _comp(folder: Path, index: int) -> dict[str, np.ndarray[Any, Any]]:
    path = next((folder / "out" / "tiny" / "v001" / "comp").glob(f"*{FIRST + index}.exr"))
    parts = exr.read_parts(path)[0]
    return {
        name: np.stack(part.pixels, axis=2) if isinstance(part.pixels, tuple) else np.atleast_3d(part.pixels)
        for name, part in parts.items()
    }


@pytest.fixture(scope="module", params=["1", "5"])
def whole(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    window = {"1": WINDOW, "5": 9}[request.param]
    _shot(
        folder, frames=12, wan={"dtype": "float32", "steps": 1, "carried_frames": request.param},
        generate={"backend": NAME, "window_frames": window},
    )  # fmt: skip
    assert _run(folder) == 0
    return folder


def test_a_shot_is_delivered_and_what_is_about_the_plate_is_not_applicable_and_never_left_out(whole: Path) -> None:
    version = whole / "out" / "tiny" / "v001"
    assert main(["verify", str(version)]) == 0
    manifest = read_manifest(version / "manifest.json")
    states = {promise["name"]: promise["state"] for promise in manifest["promises"]}
    assert len(states) == 8
    assert {name for name, state in states.items() if state == "not-applicable"} == _NOT_APPLICABLE
    assert {state for name, state in states.items() if name not in _NOT_APPLICABLE} == {"held"}
    assert manifest["task"] == "animate" and manifest["reference"]["retarget"] == "auto"


def test_every_pixel_is_new_in_the_plates_own_size_time_and_type(whole: Path) -> None:
    parts, plate = _comp(whole, 3), plate_pixels(3)[0]
    assert parts["rgba"].shape[:2] == plate.shape[:2] and parts["rgba"].dtype == plate.dtype
    assert (parts["matte_edit"] == 1).all() and (parts["matte_reveal"] == 1).all()
    assert (parts["shadow"] == 1).all() and np.isfinite(to_float(parts["rgba"])).all()
    path = next((whole / "out" / "tiny" / "v001" / "comp").glob(f"*{FIRST + 3}.exr"))
    assert str(exr.read_header(path).timecode) == "10:00:00:03"


def test_the_layers_make_the_comp_by_the_formula_of_all_tasks_to_the_bit(whole: Path) -> None:
    for index in (0, 5, 11):
        parts, plate = _comp(whole, index), plate_pixels(index)[0]
        mattes = Mattes(*(parts[name][..., 0] for name in ("matte_character", "matte_reveal", "matte_edit")))
        made = composite(
            plate, char=parts["char_walker"], clean=parts["clean"], mattes=mattes, shadow=parts["shadow"]
        )  # fmt: skip
        assert np.array_equal(made, parts["rgba"][..., :3])


def test_nothing_is_cleaned_and_no_mask_is_drawn_for_a_picture_without_a_plate(whole: Path) -> None:
    work = whole / "out" / "tiny" / "work"
    assert not (work / "clean").exists() and not (work / "drive" / "mask").exists()
    made = exr.read_frame(next((work / "generate" / NAME).glob("gen.*.exr"))).rgb
    poses = [read_still(path).pixels for path in sorted((work / "drive" / "pose").glob("*.png"))]
    assert len(poses) == 12 and {one.shape for one in poses} == {made.shape}


def _drawn_box(folder: Path) -> tuple[int, int, int, int]:
    path = folder / "out" / "tiny" / "work" / "drive" / "pose" / f"pose.{FIRST}.png"
    rows, columns = np.nonzero(read_still(path).pixels.max(axis=2) > 0.1)
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


@pytest.mark.parametrize("retarget", ["auto", "reference"])
def test_the_performance_has_the_characters_place_and_proportions(tmp_path: Path, retarget: str) -> None:
    _shot(tmp_path, frames=1, condition={"retarget": retarget})
    assert _run(tmp_path) == 0
    shown = exr.read_frame(tmp_path / "out" / "tiny" / "work" / "drive" / "reference" / "reference.exr").rgb
    height, width = shown.shape[:2]
    # The reference is 90x120: letterboxed it is as high as the picture. Its figure is 100 high, from row 12.
    scale, left = height / 120, (width - 90 * height / 120) / 2
    x0, y0, x1, y1 = _drawn_box(tmp_path)
    assert abs((x0 + x1) / 2 - (left + 45 * scale)) < 3
    # Feet by feet; Wan's own way takes ankles for what is half way to the toes.
    assert abs(y1 - (12 + 0.99 * 100) * scale) < 4 and abs(y0 - (12 + 6) * scale) < 5


def test_without_retargeting_the_skeleton_stands_where_the_actor_does(tmp_path: Path) -> None:
    _shot(tmp_path, frames=1, condition={"retarget": "off"})
    assert _run(tmp_path) == 0
    box, (x0, _y0, x1, _y1) = plate_pixels(0)[1], _drawn_box(tmp_path)
    shown = exr.read_frame(tmp_path / "out" / "tiny" / "work" / "drive" / "reference" / "reference.exr").rgb
    assert abs((x0 + x1) / 2 - (box.x0 + box.x1) / 2 * shown.shape[1] / WIDTH) < 3
    manifest = read_manifest(tmp_path / "out" / "tiny" / "v001" / "manifest.json")
    assert manifest["reference"]["retarget"] == "off"


def test_a_character_whose_pose_is_unknown_is_told_and_followed_as_he_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _shot(tmp_path, frames=1, reference="reference.png")
    assert _run(tmp_path) == 0
    assert "keeps the actor's own proportions" in capsys.readouterr().err


def test_an_actor_lost_in_the_first_frame_is_told_where_wans_own_way_needs_him(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _shot(tmp_path, frames=3, condition={"retarget": "reference"})
    path = tmp_path / "out" / "tiny" / "work" / "pose" / "walker.json"
    poses, size = read_poses(path)
    assert size is not None
    write_poses(path, poses | {FIRST: empty_pose()}, size=size)
    assert _run(tmp_path) == 0
    told = capsys.readouterr().err
    assert "is not seen in the first frame" in told and "condition.retarget=auto" in told
    manifest = read_manifest(tmp_path / "out" / "tiny" / "v001" / "manifest.json")
    assert manifest["reference"]["retarget"] == "off"


@pytest.mark.parametrize(
    ("stops_after", "carried", "window", "frames"), [(0, "1", 5, 7), (1, "1", 5, 7), (1, "5", 9, 12)]
)
def test_a_run_broken_off_after_any_window_is_taken_up_to_the_bit(
    tmp_path: Path, stops_after: int, carried: str, window: int, frames: int
) -> None:
    wan = {"dtype": "float32", "steps": 1, "carried_frames": carried}
    for name in ("whole", "broken"):
        _shot(tmp_path / name, frames=frames, wan=wan, generate={"backend": NAME, "window_frames": window})
    assert _run(tmp_path / "whole") == 0
    TinyAnimate.made, TinyAnimate.stops_after = [], stops_after
    assert _run(tmp_path / "broken") == 130
    TinyAnimate.stops_after = 99
    assert _run(tmp_path / "broken") == 0
    assert TinyAnimate.made == [FIRST, FIRST + 4], "a window that was there was made again"
    for part in ("work/generate", "v001/comp"):
        assert _files(tmp_path / "broken", part) == _files(tmp_path / "whole", part)


def test_a_range_takes_the_windows_that_are_there(tmp_path: Path) -> None:
    _shot(tmp_path)
    assert _run(tmp_path, "--frames", f"{FIRST}-{FIRST + 3}") == 0
    assert TinyAnimate.made == [FIRST]
    assert _run(tmp_path, "--frames", f"{FIRST + 4}-{FIRST + 6}") == 0
    assert TinyAnimate.made == [FIRST, FIRST + 4]
    assert main(["verify", str(tmp_path / "out" / "tiny" / "v002")]) == 0


def test_another_seed_is_another_picture(tmp_path: Path) -> None:
    _shot(tmp_path, frames=1)
    assert _run(tmp_path) == 0
    first = _files(tmp_path, "work/generate")
    assert _run(tmp_path, "--set", "generate.seed=7") == 0
    assert _files(tmp_path, "work/generate") != first


def test_the_reference_decides_the_light_and_not_the_plates_exposure(tmp_path: Path) -> None:
    shown = {}
    for stops in (0, 3):
        folder = tmp_path / str(stops)
        path = _shot(folder, frames=1)
        plate = path.parent / "plate" / f"tiny.{FIRST}.exr"
        frame = exr.read_frame(plate)
        box = frame.header.data_window
        exr.write_rgb(plate, (frame.rgb * np.float16(2.0**-stops)).astype(np.float16), data_window=box,
                      attributes={"colorInteropID": "lin_ap1_scene"})  # fmt: skip
        assert _run(folder) == 0
        shown[stops] = exr.read_frame(folder / "out" / "tiny" / "work" / "drive" / "reference" / "reference.exr").rgb
        manifest = read_manifest(folder / "out" / "tiny" / "v001" / "manifest.json")
        assert manifest["color"]["model_space"]["exposure_stops"] == 0
    assert np.array_equal(shown[0], shown[3])


def test_a_reference_on_grey_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _shot(tmp_path, frames=1, condition={"reference": "reframe"})
    assert _run(tmp_path) == 2
    assert "condition.reference" in capsys.readouterr().err


def test_on_the_plate_the_character_stands_where_the_actor_did_before_the_plates_background(tmp_path: Path) -> None:
    _shot(tmp_path, frames=2, condition={"reference": "onto-plate"})
    assert _run(tmp_path) == 0
    work = tmp_path / "out" / "tiny" / "work"
    shown = exr.read_frame(work / "drive" / "reference" / "reference.exr").rgb
    plate, box = plate_pixels(0)
    across = shown.shape[1] / WIDTH
    left = to_float(plate[:, : box.x0 - 30]).mean(axis=(0, 1))
    assert np.allclose(shown[:, : round((box.x0 - 30) * across)].mean(axis=(0, 1)), left, rtol=0.1)
    drawn = read_still(work / "drive" / "pose" / f"pose.{FIRST}.png").pixels.max(axis=2)
    columns = np.flatnonzero((drawn > 0).any(axis=0))
    assert abs(columns.mean() - (box.x0 + box.x1) / 2 * across) < 0.1 * shown.shape[1]
    told = read_manifest(tmp_path / "out" / "tiny" / "v001" / "manifest.json")["reference"]
    assert told["mode"] == "onto-plate" and told["frame"] == FIRST and told["picture"] == "reference.png"
