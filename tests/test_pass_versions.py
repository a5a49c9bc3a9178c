"""A delivery of several subjects is made of what it names: never of what an abandoned run left, and without holes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from several import FRAMES, make_shot_of_two, run_shot
from tiny import FIRST

from wanfx.cli.main import main
from wanfx.io.atomic import sha256_file
from wanfx.manifest import read_manifest

RANGE = f"{FIRST + 1}-{FIRST + 2}"
WIDE = ("--frames", RANGE, "--set", "finish.margin_px=40")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("passes")
    make_shot_of_two(folder / "shot")
    assert run_shot(folder) == 0
    return folder


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made"


def _out(root: Path) -> Path:
    return root / "out" / "tiny"


def _manifest(root: Path, version: int) -> dict[str, Any]:
    return read_manifest(_out(root) / f"v{version:03d}" / "manifest.json")


def _hashes(root: Path, version: int) -> dict[int, str]:
    """Of every comp frame."""
    comp = _out(root) / f"v{version:03d}" / "comp"
    return {int(path.name.split(".")[-2]): sha256_file(path) for path in comp.iterdir()}


def _passes(root: Path) -> set[str]:
    folder = _out(root) / "work" / "passes"
    return {path.relative_to(folder).as_posix() for path in folder.glob("*/*/v*")}


def _change_subjects(root: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    path = root / "shot" / "shot.json"
    shot = json.loads(path.read_text())
    change(shot["subjects"])
    path.write_text(json.dumps(shot))


def _abandon(root: Path, *more: str, after: Mapping[str, Any]) -> None:
    """Kill a run once it has told all that is in ``after``."""
    events = root / "events.jsonl"
    command = [sys.executable, "-m", "wanfx", "run", str(root / "shot" / "shot.json"), "--out", str(root / "out")]
    child = subprocess.Popen(
        [*command, "--quiet", "--events", str(events), *more], env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    while child.poll() is None:
        lines = events.read_text().splitlines() if events.exists() else []
        told = [json.loads(line) for line in lines if line.endswith("}")]
        if any(after.items() <= event.items() for event in told):
            child.send_signal(signal.SIGKILL)
        time.sleep(0.002)
    assert child.wait() == -signal.SIGKILL


IN_UNITE = {"stage": "unite", "unit": str(FIRST + 1)}


def test_frames_of_an_abandoned_run_are_in_no_later_delivery(root: Path) -> None:
    _abandon(root, *WIDE, after=IN_UNITE)
    assert _passes(root) == {"back/tiny/v001", "back/tiny/v002", "walker/tiny/v001", "walker/tiny/v002"}
    assert run_shot(root, "--frames", str(FIRST + 4)) == 0
    assert _hashes(root, 2) == _hashes(root, 1)


def test_a_range_is_made_after_a_run_that_was_killed_between_two_passes(root: Path) -> None:
    passes = _out(root) / "work" / "passes"
    _abandon(root, *WIDE, after=IN_UNITE)
    shutil.rmtree(passes / "walker" / "tiny" / "v002")
    assert run_shot(root, "--frames", str(FIRST + 4), "--set", "finish.margin_px=30") == 0
    before, after = _hashes(root, 1), _hashes(root, 2)
    assert [frame for frame in before if before[frame] != after[frame]] == [FIRST + 4]


def test_an_abandoned_run_that_is_taken_up_again_makes_the_bits_of_an_unbroken_one(root: Path, tmp_path: Path) -> None:
    unbroken = shutil.copytree(root, tmp_path / "unbroken")
    assert run_shot(unbroken, *WIDE) == 0
    _abandon(root, *WIDE, after=IN_UNITE)
    assert run_shot(root, *WIDE) == 0
    assert _hashes(root, 2) == _hashes(unbroken, 2)
    assert _manifest(root, 2)["digest"] == _manifest(unbroken, 2)["digest"]
    assert [subject["pass"]["version"] for subject in _manifest(root, 2)["subjects"]] == ["v002", "v002"]
    assert _passes(root) == _passes(unbroken) == {"back/tiny/v002", "walker/tiny/v002"}


def test_the_first_frame_alone_is_made_again(root: Path) -> None:
    assert run_shot(root, "--frames", str(FIRST), "--set", "finish.margin_px=40") == 0
    before, after = _hashes(root, 1), _hashes(root, 2)
    assert [frame for frame in before if before[frame] != after[frame]] == [FIRST]


def test_a_new_shot_may_begin_with_a_range(tmp_path: Path) -> None:
    make_shot_of_two(tmp_path / "shot")
    assert run_shot(tmp_path, "--frames", RANGE) == 0
    assert sorted(_hashes(tmp_path, 1)) == [FIRST + 1, FIRST + 2]
    assert run_shot(tmp_path, "--frames", f"{FIRST + 3}-{FIRST + 4}") == 0
    assert sorted(_hashes(tmp_path, 2)) == [FIRST + 1, FIRST + 2, FIRST + 3, FIRST + 4]
    assert {frame: _hashes(tmp_path, 2)[frame] for frame in _hashes(tmp_path, 1)} == _hashes(tmp_path, 1)


def test_a_range_is_made_after_the_work_was_cleaned(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean", str(_out(root))]) == 0
    capsys.readouterr()
    assert run_shot(root, "--frames", RANGE, "--set", "finish.margin_px=4") == 0
    assert f"1001-1006 are made again, not {RANGE} alone" in capsys.readouterr().err
    assert len(_hashes(root, 2)) == FRAMES
    assert main(["verify", str(_out(root) / "v002")]) == 0


@pytest.mark.parametrize("place", [0, 2])
def test_a_range_with_a_new_subject_loses_no_frame(root: Path, place: int) -> None:
    third = {"name": "third", "matte": "back/back.####.exr", "reference": "other.png"}
    _change_subjects(root, lambda subjects: subjects.insert(place, third))
    assert run_shot(root, "--frames", RANGE) == 0
    assert len(_hashes(root, 2)) == FRAMES
    assert main(["verify", str(_out(root) / "v002")]) == 0


def test_comps_of_a_subject_that_is_gone_are_removed(root: Path) -> None:
    _change_subjects(root, lambda subjects: subjects[1].update(name="runner"))
    assert run_shot(root) == 0
    assert _passes(root) == {"back/tiny/v001", "runner/tiny/v001"}
    assert (_out(root) / "work" / "passes" / "walker" / "tiny" / "work").is_dir(), "its windows stay until clean"
