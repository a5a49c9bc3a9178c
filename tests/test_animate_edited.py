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
from wanfx.backends.no_pose import NoPoseEstimator
from wanfx.backends.protocols import Array
from wanfx.backends.registry import add_generator
from wanfx.backends.weights import MODELS_FOLDER
from wanfx.cli.main import main
from wanfx.errors import NothingFoundError
from wanfx.frames import Box, Size
from wanfx.io.atomic import sha256_file
from wanfx.io.pose_file import read_poses, write_poses
from wanfx.io.stills import read_still, write_picture
from wanfx.manifest import read_manifest
from wanfx.ops.pose import BODY, Pose, empty_pose
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


def _check_drawn(folder: Path, told: dict[str, Any], pair: dict[str, Pose]) -> None:
    """What is drawn is what the op itself makes of the ``pair`` of edited pictures' pixels."""
    work = folder / "out" / "tiny" / "work"
    poses, _size = read_poses(work / "pose" / "walker.json")
    actor = [_skeleton(poses[frame], Size(WIDTH, HEIGHT)) for frame in sorted(poses)]
    drawn = [read_still(path).pixels for path in sorted((work / "drive" / "pose").glob("*.png"))]
    canvas = Size(drawn[0].shape[1], drawn[0].shape[0])
    box = inner_box(Size(90, 120), canvas=canvas)
    character = standing(23, 12, 44, 100).scaled(box.width / 90, box.height / 120)
    edited = []
    for side, pose in pair.items():
        square = Box(*told["edited"]["parts"][side]).size
        height, width = read_still(_edited(folder) / f"{side}.png").pixels.shape[:2]
        # Each edit is a little stretched, to sides of multiples of 16.
        edited.append(_skeleton(pose.scaled(square.width / width, square.height / height), square))
    fit = fit_skeleton(
        actor[measured_frame(actor)], character=_skeleton(character, Size(box.width, box.height)),
        edited=(edited[0], edited[1]),
    )  # fmt: skip
    # Thighs half as long again beside forearms half as long; marks are on whole pixels.
    assert abs(fit.ratios[7] / fit.ratios[3] - 3) < 0.5
    for skeleton, pixels in zip(actor, drawn, strict=True):
        moved = retarget_skeleton(skeleton, fit=fit)
        by = np.array([box.x0, box.y0, 0.0])
        parts = (part + by for part in (moved.body, moved.left_hand, moved.right_hand))
        assert np.array_equal(np.rint(pixels * 255), draw_skeleton(Skeleton(canvas, *parts)))


@pytest.mark.usefixtures("editor")
def test_the_performance_has_the_proportions_of_the_edited_pair(tmp_path: Path) -> None:
    _shot(tmp_path)
    assert _run(tmp_path) == 0
    pair = {"actor": standing(20, 5, 30, 60), "character": _long_legs(20, 5, 30, 60)}
    # As an artist would who saw that nobody was found.
    for side, pose in pair.items():
        height, width = read_still(_edited(tmp_path) / f"{side}.png").pixels.shape[:2]
        write_poses(_edited(tmp_path) / f"{side}.json", {0: pose}, size=Size(width, height))
    assert _run(tmp_path) == 0
    told = _told(tmp_path, "v002")
    assert told["retarget"] == "edited" and told["why_not"] == ""
    assert told["edited"]["painted"] == ["actor.json", "character.json"]
    models = read_manifest(tmp_path / "out" / "tiny" / "v002" / "manifest.json")["models"]
    assert HUB_SETS[EDITOR].repository in {model["name"] for model in models}
    _check_drawn(tmp_path, told, pair)


class _MarkReader(NoPoseEstimator):
    """Reads the body's points off red marks of 2x2 pixels, each with a green of its own."""

    settings = ("marks",)

    def find(self, picture: Array, *, alpha: Array) -> Pose:
        """Raises NothingFoundError."""
        assert alpha.shape == picture.shape[:2] and alpha.min() == 1
        pose = empty_pose()
        xy, confidence = pose.xy.copy(), pose.confidence.copy()
        is_mark = (picture[..., 0] == 1) & (picture[..., 2] == 0)
        for point in range(BODY.stop):
            rows, columns = np.nonzero(is_mark & (np.rint(picture[..., 1] * 255) == 10 * point + 5))
            if len(rows) == 4:
                xy[point], confidence[point] = (columns.mean(), rows.mean()), 0.9
        if not confidence.any():
            raise NothingFoundError("no marks", remedy="paint them")
        return Pose(xy, confidence, pose.depth)


def _paint_marks(path: Path, pose: Pose) -> None:
    picture = np.rint(read_still(path).pixels * 255).astype(np.uint8)
    for point, (x, y) in enumerate(np.rint(pose.xy[BODY]).astype(int)):
        picture[y : y + 2, x : x + 2] = 255, 10 * point + 5, 0
    write_picture(path, picture)


@pytest.mark.usefixtures("editor")
def test_a_painted_picture_counts_and_is_looked_at_and_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wanfx.backends.no_pose.NoPoseEstimator", _MarkReader)
    _shot(tmp_path)
    assert _run(tmp_path) == 0
    assert _told(tmp_path)["retarget"] == "auto"
    for side, pose in (("actor", standing(15, 5, 60, 65)), ("character", _long_legs(15, 5, 60, 45))):
        _paint_marks(_edited(tmp_path) / f"{side}.png", pose)
    assert _run(tmp_path) == 0
    told, painted = _told(tmp_path, "v002"), _times(tmp_path)
    assert told["retarget"] == "edited" and told["edited"]["painted"] == ["actor.png", "character.png"]
    found = {side: read_poses(_edited(tmp_path) / f"{side}.json")[0][0] for side in ("actor", "character")}
    assert all((pose.confidence[BODY] > 0).all() for pose in found.values())
    _check_drawn(tmp_path, told, found)
    assert _run(tmp_path, "--set", "generate.seed=7") == 0
    assert _times(tmp_path) == painted


@pytest.mark.usefixtures("editor")
def test_what_is_there_is_not_made_again_and_what_is_missing_alone_is(tmp_path: Path) -> None:
    _shot(tmp_path)
    assert _run(tmp_path) == 0
    times = _times(tmp_path)
    files = {name: sha256_file(_edited(tmp_path) / name) for name in times}
    assert {"actor.png", "actor.json", "character.png", "character.json"} <= set(files)
    assert _run(tmp_path) == 0
    assert _times(tmp_path) == times
    (_edited(tmp_path) / "character.png").unlink()
    assert _run(tmp_path) == 0
    again = _times(tmp_path)
    assert again["actor.png"] == times["actor.png"] and again["character.png"] != times["character.png"]
    assert {name: sha256_file(_edited(tmp_path) / name) for name in times} == files
    assert _run(tmp_path, "--set", "generate.seed=7") == 0
    assert all(sha256_file(_edited(tmp_path) / name) != files[name] for name in ("actor.png", "character.png"))


@pytest.mark.usefixtures("editor")
def test_a_painted_picture_of_another_size_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _shot(tmp_path)
    assert _run(tmp_path) == 0
    write_picture(_edited(tmp_path) / "actor.png", np.zeros((20, 20, 3), np.uint8))
    assert _run(tmp_path) == 2
    assert "is 20x20" in capsys.readouterr().err
