"""``wanfx matte``: an editable sequence a subject, which artists paint over and later runs take up."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_pixels

from wanfx.cli.main import main
from wanfx.events import UnitFinished, read_events
from wanfx.io import exr
from wanfx.io.atomic import sha256_file

FRAMES = 6
_WALKER = {"name": "walker", "box": plate_pixels(0)[1].as_list(), "frame": FIRST}
_WALL = {"name": "Wall Piece", "box": [4, 20, 34, 60], "frame": FIRST}


def _shot(folder: Path, *subjects: dict[str, Any]) -> Path:
    return make_tiny_shot(folder / "shot", frames=FRAMES, subjects=list(subjects))


def _matte(shot: Path, *more: str) -> int:
    return main(["matte", str(shot), "--out", str(shot.parent.parent / "out"), "--quiet", *more])


def _work(shot: Path) -> Path:
    return shot.parent.parent / "out" / "tiny" / "work"


def _files(shot: Path, name: str) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in sorted((_work(shot) / "matte" / name).glob("*.exr"))}


def _reused(events: Path) -> dict[str, set[bool]]:
    """For each stage whether its units were there already."""
    found: dict[str, set[bool]] = {}
    for event in read_events(events):
        if isinstance(event, UnitFinished):
            found.setdefault(event.stage, set()).add(event.reused)
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shot = _shot(tmp_path_factory.mktemp("matte"), _WALKER, _WALL)
    assert _matte(shot) == 0
    return shot


def test_every_subject_has_a_sequence_of_its_own_and_a_picture(both: Path) -> None:
    for name in ("walker", "Wall_Piece"):
        assert list(_files(both, name)) == [f"{name}.{FIRST + index}.exr" for index in range(FRAMES)]
        assert (_work(both) / "sheet" / f"{name}.png").stat().st_size > 1000
    box = plate_pixels(3)[1]
    walker = exr.read_matte(_work(both) / "matte" / "walker" / f"walker.{FIRST + 3}.exr")
    assert walker.shape == (HEIGHT, WIDTH)
    assert walker[box.slices()].mean() > 0.9
    assert walker.sum() < 1.4 * box.width * box.height


def test_subjects_do_not_change_each_other(both: Path, tmp_path: Path) -> None:
    alone = _shot(tmp_path, _WALKER)
    assert _matte(alone) == 0
    assert _files(alone, "walker") == _files(both, "walker")


def test_a_subject_that_comes_later_leaves_the_first_as_it_was(tmp_path: Path) -> None:
    shot = _shot(tmp_path, _WALKER)
    assert _matte(shot) == 0
    before = _files(shot, "walker")
    shot = _shot(tmp_path, _WALKER, _WALL)
    assert _matte(shot, "--events", str(tmp_path / "events.jsonl")) == 0
    assert _files(shot, "walker") == before
    names = [e.unit for e in read_events(tmp_path / "events.jsonl") if isinstance(e, UnitFinished) and e.reused]
    assert "walker" in names
    assert "Wall_Piece" not in names


def test_a_run_takes_up_what_is_there_and_keeps_what_was_painted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shot = _shot(tmp_path, _WALKER)
    assert _matte(shot) == 0
    painted = _work(shot) / "matte" / "walker" / f"walker.{FIRST + 2}.exr"
    mine = np.zeros((HEIGHT, WIDTH), np.float32)
    mine[30:60, 60:80] = 0.5
    exr.write_matte(painted, mine)
    capsys.readouterr()
    assert _matte(shot) == 0
    assert "1 frames are an artist's" in capsys.readouterr().out
    np.testing.assert_array_equal(exr.read_matte(painted), mine)
    events = tmp_path / "events.jsonl"
    arguments = ["run", str(shot), "--out", str(tmp_path / "out"), "--quiet", "--events", str(events)]
    assert main(arguments) == 0
    assert _reused(events)["matte"] == {True}
    parts, _header = exr.read_parts(next((tmp_path / "out" / "tiny" / "v001" / "comp").glob(f"*.{FIRST + 2}.exr")))
    assert float(np.asarray(parts["matte_subject"].pixels, np.float32)[40, 70]) == 0.5


def test_hand_made_frames_replace_tracked_ones_and_nothing_else_is_made_again(tmp_path: Path) -> None:
    shot = _shot(tmp_path, _WALKER)
    assert _matte(shot) == 0
    before = _files(shot, "walker")
    roto = np.zeros((HEIGHT, WIDTH), np.float32)
    roto[10:90, 40:100] = 1.0
    exr.write_matte(tmp_path / "roto" / f"roto.{FIRST + 4}.exr", roto)
    shot = _shot(tmp_path, _WALKER | {"matte": str(tmp_path / "roto" / "roto.####.exr")})
    events = tmp_path / "events.jsonl"
    assert _matte(shot, "--events", str(events)) == 0
    after = _files(shot, "walker")
    assert {name for name in after if after[name] != before[name]} == {f"walker.{FIRST + 4}.exr"}
    assert exr.read_matte(_work(shot) / "matte" / "walker" / f"walker.{FIRST + 4}.exr").sum() == roto.sum()
    assert _reused(events)["matte"] == {True}


def test_two_subjects_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shot = _shot(tmp_path, _WALKER, _WALL | {"name": "Walker"})
    assert _matte(shot) == 2
    assert "subjects[1].name" in capsys.readouterr().err


def test_two_subjects_are_not_animated_and_that_is_said_before_any_work(
    both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, shot = tmp_path / "comp", both.with_name("animate.json")
    shot.write_text(json.dumps(json.loads(both.read_text()) | {"task": "animate"}))
    assert main(["run", str(shot), "--out", str(out), "--quiet"]) == 2
    assert "subjects[1]" in capsys.readouterr().err
    assert not (out / "tiny" / "work" / "plate").exists()


def test_a_matting_library_that_is_not_there_is_missed_before_anything_is_tracked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymatting.laplacian.cf_laplacian", None)
    shot = _shot(tmp_path, _WALKER)
    assert _matte(shot, "--set", "refine.method=closed-form") == 3
    assert not (_work(shot) / "track").exists()
