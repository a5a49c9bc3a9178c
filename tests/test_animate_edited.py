"""Whole runs of task `animate` in which actor and character are posed alike by an image editor, at toy size."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from animate_shot import make_animate_shot, standing
from tiny import FIRST, HEIGHT, WIDTH

from wanfx.backends.hub_fetch import fetch_hub_set
from wanfx.backends.hub_sets import EDITOR, HUB_SETS
from wanfx.backends.registry import add_generator
from wanfx.backends.weights import MODELS_FOLDER
from wanfx.cli.main import main
from wanfx.frames import Box, Size
from wanfx.io.atomic import sha256_file
from wanfx.io.pose_file import read_poses, write_poses
from wanfx.io.stills import read_still
from wanfx.manifest import read_manifest
from wanfx.ops.pose import Pose
from wanfx.ops.sizes import inner_box
from wanfx.ops.skeleton import Skeleton, make_skeleton
from wanfx.ops.skeleton_draw import draw_skeleton
from wanfx.ops.skeleton_retarget import fit_skeleton, measured_frame, retarget_skeleton

sys.path.append(str(Path(__file__).parent / "backends"))
from tiny_animate import NAME, TinyAnimate
from tiny_klein import save_klein_folder
from tiny_wan import save_animate_folder

FRAMES = 3


@pytest.fixture(scope="module", autouse=True)
def tiny_wan(tmp_path_factory: pytest.TempPathFactory) -> None:
    torch.set_num_threads(1)
    TinyAnimate.folder = tmp_path_factory.mktemp("wan")
    save_animate_folder(TinyAnimate.folder)
    add_generator(NAME, TinyAnimate)


@pytest.fixture(scope="module")
def klein(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("klein")
    save_klein_folder(folder)
    return folder


@pytest.fixture
def editor(klein: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "models"))
    monkeypatch.setattr(TinyAnimate, "areas_px", {"480p": 80 * 128, "720p": 80 * 128})
    monkeypatch.setattr(TinyAnimate, "made", [])
    fetch_hub_set(EDITOR, given=klein)


def _shot(folder: Path, **changes: Any) -> None:
    make_animate_shot(folder, frames=FRAMES, **({"condition": {"retarget": "edited"}} | changes))


def _run(folder: Path, *flags: str) -> int:
    shot, out = folder / "shot" / "shot.json", folder / "out"
    return main(["run", str(shot), "--out", str(out), "--events", str(folder / "events.jsonl"), "--quiet", *flags])


def _told(folder: Path, version: str = "v001") -> dict[str, Any]:
    return dict(read_manifest(folder / "out" / "tiny" / version / "manifest.json")["reference"])


def _edited(folder: Path) -> Path:
    return folder / "out" / "tiny" / "work" / "drive" / "retarget"


def _times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in sorted(_edited(folder).iterdir())}


def _skeleton(pose: Pose, size: Size) -> Skeleton:
    return make_skeleton(np.column_stack([pose.xy, pose.confidence]), size=size)


def _long_legs(x0: float, y0: float, width: float, height: float) -> Pose:
    """A standing figure whose legs are half as long again, its arms half as long."""
    pose = standing(x0, y0, width, height)
    xy = pose.xy.copy()
    for hip, knee, ankle in ((11, 13, 15), (12, 14, 16)):
        thigh, calf = xy[knee] - xy[hip], xy[ankle] - xy[knee]
        xy[knee] = xy[hip] + 1.5 * thigh
        xy[ankle] = xy[knee] + 1.5 * calf
    for shoulder, elbow, wrist in ((5, 7, 9), (6, 8, 10)):
        upper, lower = xy[elbow] - xy[shoulder], xy[wrist] - xy[elbow]
        xy[elbow] = xy[shoulder] + 0.5 * upper
        xy[wrist] = xy[elbow] + 0.5 * lower
    return Pose(xy, pose.confidence, pose.depth)


def _paint_pair(folder: Path, *, actor: Pose, character: Pose) -> dict[str, Size]:
    """Leave the poses as an artist would who saw that nobody was found; the sizes of the edited pictures."""
    sizes = {}
    for side, pose in (("actor", actor), ("character", character)):
        shape = read_still(_edited(folder) / f"{side}.png").pixels.shape
        sizes[side] = Size(shape[1], shape[0])
        write_poses(_edited(folder) / f"{side}.json", {0: pose}, size=sizes[side])
    return sizes


def test_without_the_editor_nothing_is_begun_and_the_command_that_gets_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "models"))
    _shot(tmp_path)
    assert _run(tmp_path) == 3
    told = capsys.readouterr().err
    assert f"wanfx models fetch {EDITOR}" in told and "condition.retarget" in told
    assert not (tmp_path / "out" / "tiny" / "work" / "records").exists() and not _edited(tmp_path).exists()


@pytest.mark.usefixtures("editor")
def test_where_nobody_is_found_in_the_edits_limbs_are_compared_as_they_are_and_that_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _shot(tmp_path)
    assert _run(tmp_path) == 0
    assert "nobody is found in the edited picture of the actor and the character" in capsys.readouterr().err
    told = _told(tmp_path)
    assert told["retarget"] == "auto" and told["why_not"].startswith("nobody is found")
    assert told["edited"]["frame"] == FIRST and told["edited"]["painted"] == []
    assert "T-pose" in told["edited"]["prompts"]["actor"] + told["edited"]["prompts"]["character"]
    drive = tmp_path / "out" / "tiny" / "work" / "drive" / "pose"
    drawn = {path.name: sha256_file(path) for path in drive.glob("*.png")}
    assert _run(tmp_path, "--set", "condition.retarget=auto") == 0
    assert drawn == {path.name: sha256_file(path) for path in drive.glob("*.png")}


@pytest.mark.usefixtures("editor")
def test_the_performance_has_the_proportions_of_the_edited_pair(tmp_path: Path) -> None:
    _shot(tmp_path)
    assert _run(tmp_path) == 0
    pair = {"actor": standing(20, 5, 30, 60), "character": _long_legs(20, 5, 30, 60)}
    sizes = _paint_pair(tmp_path, **pair)
    assert _run(tmp_path) == 0
    told = _told(tmp_path, "v002")
    assert told["retarget"] == "edited" and told["why_not"] == ""
    assert told["edited"]["painted"] == ["actor.json", "character.json"]
    models = read_manifest(tmp_path / "out" / "tiny" / "v002" / "manifest.json")["models"]
    assert HUB_SETS[EDITOR].repository in {model["name"] for model in models}

    work = tmp_path / "out" / "tiny" / "work"
    poses, _size = read_poses(work / "pose" / "walker.json")
    actor = {frame: _skeleton(pose, Size(WIDTH, HEIGHT)) for frame, pose in poses.items()}
    drawn = {path: read_still(path).pixels for path in sorted((work / "drive" / "pose").glob("*.png"))}
    height, width = next(iter(drawn.values())).shape[:2]
    box = inner_box(Size(90, 120), canvas=Size(width, height))
    whole = standing(23, 12, 44, 100).scaled(box.width / 90, box.height / 120)
    # Each edit is a little stretched to sides of multiples of 16.
    squares = {side: Box(*told["edited"]["parts"][side]).size for side in pair}
    edited = {
        side: _skeleton(
            pose.scaled(squares[side].width / sizes[side].width, squares[side].height / sizes[side].height),
            squares[side],
        )
        for side, pose in pair.items()
    }
    chosen = actor[FIRST + measured_frame(actor[frame] for frame in sorted(actor))]
    fit = fit_skeleton(
        chosen, character=_skeleton(whole, Size(box.width, box.height)),
        edited=(edited["actor"], edited["character"]),
    )  # fmt: skip
    # Hip to knee is 1.5 times as long beside its wrist-to-elbow's half.
    assert abs(fit.ratios[7] / fit.ratios[3] - 3) < 0.01
    for frame, (path, pixels) in zip(sorted(actor), drawn.items(), strict=True):
        moved = retarget_skeleton(actor[frame], fit=fit)
        by = np.array([box.x0, box.y0, 0.0])
        parts = (moved.body + by, moved.left_hand + by, moved.right_hand + by)
        expected = draw_skeleton(Skeleton(Size(width, height), *parts))
        assert np.array_equal(np.rint(pixels * 255), expected), path
