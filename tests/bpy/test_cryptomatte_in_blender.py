"""Blender's own Cryptomatte node picks from our files what our mattes say."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tiny import FIRST, make_tiny_shot

from wanfx.cli.main import main
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.io.cryptomatte import BACKGROUND, object_ids, write_cryptomatte
from wanfx.ops.ranks import rank_coverages
from wanfx.pixels import to_float

HALF_ROUNDING = 2.0**-11
BLENDER = os.environ.get("WANFX_BPY_PYTHON", "")
Array = npt.NDArray[np.float32]

pytestmark = pytest.mark.skipif(
    not BLENDER,
    reason="needs Blender as a Python module: scripts/test installs it where there is a Python 3.11, or set "
    "WANFX_BPY_PYTHON to the python of an environment with bpy 5",
)


def _pick(
    file: Path, folder: Path, *, names: list[str], working_space: str = "Linear Rec.709"
) -> tuple[dict[str, Array], dict[str, Any]]:
    """The matte of each name as Blender picks it, and what Blender says of the file."""
    folder.mkdir()
    window = exr.read_display_window(file)
    targets = {name: str(folder / f"{index}.exr") for index, name in enumerate(names)}
    job = {
        "file": str(file), "size": [window.width, window.height], "working_space": working_space, "picks": targets,
        "answer": str(folder / "answer.json"),
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    script = Path(__file__).with_name("pick_in_blender.py")
    done = subprocess.run(
        [BLENDER, str(script), str(folder / "job.json")], capture_output=True, text=True, timeout=120, check=False
    )
    assert (folder / "answer.json").is_file(), done.stdout + done.stderr
    mattes = {name: to_float(exr.read_frame(target).rgb[..., 0]) for name, target in targets.items()}
    return mattes, json.loads((folder / "answer.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivery")
    shot = make_tiny_shot(folder / "shot", frames=3)
    arguments = ["--out", str(folder / "out"), "--quiet", "--set", "deliver.cryptomatte=on"]
    assert main(["run", str(shot), *arguments]) == 0
    return folder / "out" / "tiny" / "v001"


# The second is what a show that works in ACEScg sets; ids must not be converted to it as colours would be.
@pytest.mark.parametrize("working_space", ["Linear Rec.709", "ACEScg"])
def test_the_matte_that_blender_picks_is_the_comps_own(delivery: Path, tmp_path: Path, working_space: str) -> None:
    name = f"tiny_draft_v001.{FIRST + 1}.exr"
    parts, _header = exr.read_parts(delivery / "comp" / name, ["matte_character"])
    (alpha,) = (to_float(plane) for plane in parts["matte_character"].planes.values())
    assert ((alpha > 0) & (alpha < 1)).sum() > 50, "soft edges are what ranks are for"
    mattes, said = _pick(
        delivery / "crypto" / name, tmp_path / "job", names=["walker", BACKGROUND], working_space=working_space
    )
    assert said["working_space"] == working_space
    assert said["layers"] == "('CryptoObject')"
    assert said["is_data"]
    assert said["found"] == {"walker": ["walker"], BACKGROUND: [BACKGROUND]}
    assert np.abs(mattes["walker"] - alpha).max() <= HALF_ROUNDING
    assert np.abs(mattes[BACKGROUND] - (1 - alpha)).max() <= HALF_ROUNDING


def test_blender_picks_each_of_several_objects_that_overlap_by_any_name(tmp_path: Path) -> None:
    objects = ["女の子", 'the "boy"', "собака"]
    names = object_ids([*objects, BACKGROUND])
    box = Box(0, 0, 64, 48)
    rows, columns = np.mgrid[: box.height, : box.width]
    coverages: dict[float, Array] = {}
    left = np.ones((box.height, box.width), np.float32)
    for index, name in enumerate(objects):
        soft = np.clip((14 - np.hypot(columns - 24 - 6 * index, rows - 22)) / 9 + 0.5, 0, 1).astype(np.float32)
        coverages[names[name]] = soft * left
        left = left - coverages[names[name]]
    ranks = rank_coverages(coverages, rest=names[BACKGROUND])
    assert (ranks.coverages > 0).all(axis=0).any(), "somewhere all four ranks are taken"
    write_cryptomatte(tmp_path / "c.exr", ranks, names=names, data_window=box, display_window=box)
    mattes, said = _pick(tmp_path / "c.exr", tmp_path / "job", names=list(names))
    assert said["found"] == {name: [name] for name in names}
    for name, identifier in names.items():
        assert np.abs(mattes[name] - ranks.coverage(identifier)).max() <= HALF_ROUNDING
