"""A plate that goes on beyond its edges: overscan, drawn or taken from other frames; the plate itself is kept whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_pixels, wall

from wanfx.cli.main import main
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.manifest import read_manifest
from wanfx.pixels import to_float

FRAMES, LEFT, TOP, RIGHT = 12, 6, 4, 20


def _shot(folder: Path, *, frames: int = FRAMES, **changes: Any) -> Path:
    options: dict[str, Any] = {
        "task": "background", "reference": None, "subjects": [],
        "background": {"mode": "extend", "extend": {"left": LEFT, "top": TOP, "right": RIGHT}},
    }  # fmt: skip
    return make_tiny_shot(folder / "shot", frames=frames, **(options | changes))


def _run(folder: Path, *flags: str) -> int:
    return main(["run", str(folder / "shot" / "shot.json"), "--out", str(folder / "out"), "--quiet", *flags])


def _version(folder: Path, number: int = 1) -> Path:
    return folder / "out" / "tiny" / f"v{number:03d}"


def _frame(folder: Path, index: int, *, number: int = 1) -> Path:
    return next((_version(folder, number) / "comp").glob(f"*{FIRST + index}.exr"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extend")
    _shot(folder)
    assert _run(folder) == 0
    return folder


def test_the_data_window_grows_as_overscan_does_and_all_of_the_plate_is_kept(made: Path) -> None:
    assert main(["verify", str(_version(made))]) == 0
    for index in (0, 7):
        comp = exr.read_frame(_frame(made, index))
        assert comp.header.data_window == Box(-LEFT, -TOP, WIDTH + RIGHT, HEIGHT)
        assert comp.header.display_window == Box(0, 0, WIDTH, HEIGHT)
        assert comp.rgb[TOP:, LEFT : LEFT + WIDTH].tobytes() == plate_pixels(index)[0].tobytes()
        edit = exr.read_parts(_frame(made, index), ["matte_edit"])[0]["matte_edit"].planes["matte_edit.A"]
        beyond = np.ones(edit.shape, bool)
        beyond[TOP:, LEFT : LEFT + WIDTH] = False
        assert (edit[beyond] == 1).all() and not edit[~beyond].any()
    facts = read_manifest(_version(made) / "manifest.json")["plate"]
    assert facts["border"] == [LEFT, TOP, RIGHT, 0]


def test_what_other_frames_saw_beyond_the_edge_is_shown(made: Path) -> None:
    """The camera pans by a pixel a frame over a wall of which all is known."""
    comp = to_float(exr.read_frame(_frame(made, 2)).rgb)[TOP:, LEFT + WIDTH :]
    truth = wall()[:, 2 + WIDTH : 2 + WIDTH + RIGHT]
    seen = FRAMES - 1 - 2 - 5
    error = np.abs(np.log2((comp + 0.01) / (truth + 0.01)))[8:-8]
    assert np.median(error[:, :seen]) < 0.12
    assert np.median(error[:, :seen]) < 0.6 * np.median(error[:, seen + 8 :])


def test_a_comp_with_another_window_is_found(made: Path, tmp_path: Path) -> None:
    copy = tmp_path / "out"
    shutil.copytree(made / "out", copy)
    path = next((copy / "tiny" / "v001" / "comp").glob(f"*{FIRST + 3}.exr"))
    parts, header = exr.read_parts(path)
    window = header.data_window.shift(1, 0)
    exr.write_parts(path, list(parts.values()), data_window=window, display_window=header.display_window,
                    attributes=header.attributes)  # fmt: skip
    assert main(["verify", str(copy / "tiny" / "v001")]) == 5


def test_the_same_again_makes_nothing_and_a_range_copies_the_rest(made: Path) -> None:
    assert _run(made) == 0 and not _version(made, 2).exists()
    assert _run(made, "--frames", f"{FIRST + 2}-{FIRST + 3}", "--set", "finish.compression=zip") == 0
    assert main(["verify", str(_version(made, 2))]) == 0
    assert _frame(made, 8, number=2).read_bytes() == _frame(made, 8).read_bytes()


def test_plan_names_no_segmenter_where_nobody_is_looked_for(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(made / "shot" / "shot.json"), "--out", str(made / "out")]) == 0
    assert capsys.readouterr().out.count("none is needed") == 2


def test_a_plate_with_odd_windows_grows_beyond_all_of_them(tmp_path: Path) -> None:
    shot = _shot(tmp_path, frames=2)
    for index in range(2):
        rgb = plate_pixels(index)[0][: HEIGHT - 7 * index]
        window = Box(-3, 5, WIDTH - 3, HEIGHT + 5 - 7 * index)
        exr.write_rgb(
            shot.parent / "plate" / f"tiny.{FIRST + index}.exr", rgb, data_window=window,
            display_window=Box(0, 0, WIDTH, HEIGHT), attributes={"colorInteropID": "lin_ap1_scene"},
        )  # fmt: skip
    assert _run(tmp_path) == 0
    second = exr.read_frame(_frame(tmp_path, 1))
    assert second.header.data_window == Box(-3 - LEFT, 5 - TOP, WIDTH - 3 + RIGHT, HEIGHT + 5)
    kept = second.rgb[TOP : TOP + HEIGHT - 7, LEFT : LEFT + WIDTH]
    assert kept.tobytes() == plate_pixels(1)[0][: HEIGHT - 7].tobytes()


@pytest.mark.parametrize("extend", [None, {}, {"left": 0}, {"left": -4, "right": 8}, {"top": 40000}])
def test_a_picture_that_grows_on_no_side_is_refused(
    tmp_path: Path, extend: dict[str, int] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    shot = _shot(tmp_path, frames=1)
    data = json.loads(shot.read_text())
    data["background"]["extend"] = extend
    if extend is None:
        del data["background"]["extend"]
    shot.write_text(json.dumps(data))
    assert _run(tmp_path) == 2
    assert "background.extend" in capsys.readouterr().err


def test_a_border_in_another_mode_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shot = _shot(tmp_path, frames=1)
    data = json.loads(shot.read_text())
    data["background"] |= {"mode": "paint", "path": "reference.png"}
    shot.write_text(json.dumps(data))
    assert _run(tmp_path) == 2
    assert "background.extend" in capsys.readouterr().err
