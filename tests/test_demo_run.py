"""The demo shot from plate to report, with the real small models, held against what was rendered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wanfx.backends.weights import LITE, is_installed, set_folder
from wanfx.cli.main import main
from wanfx.demo import demo_truth
from wanfx.demo.shot import FRAMES
from wanfx.io import exr
from wanfx.io.pose_file import read_poses
from wanfx.manifest import read_manifest
from wanfx.ops.pose import LEFT_ANKLE, LEFT_WRIST, RIGHT_ANKLE, RIGHT_WRIST

pytestmark = pytest.mark.slow
_ENDS = [LEFT_WRIST, RIGHT_WRIST, LEFT_ANKLE, RIGHT_ANKLE]


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not is_installed("lite"):
        pytest.fail(f"the lite models are not in {set_folder(LITE)}: run `wanfx models fetch lite`")
    out = tmp_path_factory.mktemp("demo")
    assert main(["demo", "--out", str(out)]) == 0
    return out / "demo" / "v001"


def test_the_demo_holds_its_promises_and_performs(version: Path) -> None:
    manifest = read_manifest(version / "manifest.json")
    assert {promise["state"] for promise in manifest["promises"]} == {"held"}
    assert manifest["character"] == {"kind": "puppet", "missing": [], "why_card": ""}
    assert (version / "report" / "index.html").is_file()


def test_the_actor_is_found_where_he_was_rendered(version: Path) -> None:
    found, _ = read_poses(version.parent / "work" / "pose" / "actor.json")
    real, _ = read_poses(demo_truth().actor_poses)
    gaps = [np.hypot(*(found[frame].xy[_ENDS] - real[frame].xy[_ENDS]).T) for frame in FRAMES]
    assert float(np.mean(gaps)) < 8.0
    assert float(np.max(gaps)) < 40.0


def test_his_left_is_not_taken_for_his_right(version: Path) -> None:
    found, _ = read_poses(version.parent / "work" / "pose" / "actor.json")
    for frame in FRAMES:
        assert found[frame].xy[LEFT_WRIST, 0] > found[frame].xy[RIGHT_WRIST, 0], "he faces the camera, arms apart"


def test_the_characters_hands_and_feet_are_where_the_actors_are(version: Path) -> None:
    facts = read_manifest(version / "manifest.json")["frame_facts"].values()
    for side in ("left", "right"):
        for joint in ("wrist", "ankle"):
            assert float(np.mean([fact["performance"][f"{side}_{joint}_px"] for fact in facts])) < 2.0


def test_the_matte_is_the_actors(version: Path) -> None:
    for frame, path in demo_truth().mattes.items():
        ours, theirs = exr.read_matte(version / "matte" / "actor" / f"actor.{frame}.exr"), exr.read_matte(path)
        assert float(np.minimum(ours, theirs).sum() / np.maximum(ours, theirs).sum()) > 0.7


def test_the_clean_plate_is_the_room_without_him(version: Path) -> None:
    """In stops, where he stood and his shadow did not fall: the walls were seen elsewhere or are made up alike."""
    truth = demo_truth()
    for frame, path in truth.clean.items():
        real = exr.read_frame(path).rgb.astype(np.float32)
        parts, _ = exr.read_parts(version / "comp" / f"demo_draft_v001.{frame}.exr", ["clean"])
        ours = np.stack([plane.astype(np.float32) for plane in parts["clean"].planes.values()], axis=2)
        inside = (exr.read_matte(truth.mattes[frame]) > 0.5) & (np.arange(360)[:, None] < 280)
        stops = np.abs(np.log2((ours[inside].mean(axis=1) + 0.02) / (real[inside].mean(axis=1) + 0.02)))
        assert float(np.median(stops)) < 0.25
