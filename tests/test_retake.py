"""A range that is made again joins the approved frames around it; all others are copied. With generators that need no
weights; tests/test_wan_retake.py has Wan's.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from tiny import FIRST, make_tiny_shot, plate_attributes, plate_pixels

from wanfx.backends.draft import DraftGenerator
from wanfx.backends.fake import FakeGenerator
from wanfx.backends.protocols import GeneratedFrame, Quality, WindowInputs
from wanfx.backends.registry import add_generator
from wanfx.cli.main import main
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.manifest import read_manifest
from wanfx.qc.measures import read_measures

Array = npt.NDArray[np.float32]
FRAMES, WINDOW = 14, 4
RANGE, TAIL = (5, 7), 3
_CAST = np.array([0.04, -0.01, 0.03], np.float32)


class _Told(FakeGenerator):
    """The fake, which tells what its windows were given, and can be broken off."""

    name = "test-told"
    given: list[tuple[int, int, list[Array]]] = []  # noqa: RUF012
    stops_after = 99

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """As ever, but broken off before the window after ``stops_after``."""
        if len(self.given) >= self.stops_after:
            raise KeyboardInterrupt
        self.given.append((inputs.frames[0] - FIRST, inputs.frames[-1] - FIRST, list(inputs.carried)))
        yield from super().generate(inputs)


class _Straight(DraftGenerator):
    """The draft's own pictures, from one that does not promise to keep the background, and carries a frame."""

    name = "test-straight-retake"
    keeps_background = False
    carried_frames = 1
    window_frames = 6


class _Cast(_Straight):
    """The same, off color and flickering."""

    name = "test-cast-retake"

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window."""
        for frame, made in zip(inputs.frames, super().generate(inputs), strict=True):
            flicker = np.random.default_rng(frame).normal(0, 0.012, 3).astype(np.float32)
            yield GeneratedFrame(made.rgb * np.float32(1.06) + _CAST + flicker, made.alpha)


class _Flat(_Straight):
    """The same without an alpha; with another seed the character is brighter and a little aside."""

    name = "test-flat-retake"
    quality: Quality = "final"

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window."""
        for frame, made in zip(inputs.frames, super().generate(inputs), strict=True):
            assert made.alpha is not None
            aside = 4 * min(1, inputs.seed)
            rgb, alpha = np.roll(made.rgb, aside, axis=1), np.roll(made.alpha, aside, axis=1)[..., None]
            light = rgb + np.float32(0.1 * min(1, inputs.seed))
            behind = inputs.background(frame)
            yield GeneratedFrame(np.asarray(behind + alpha * (light - behind), np.float32), None)


@pytest.fixture(scope="module", autouse=True)
def generators() -> None:
    for generator in (_Told, _Straight, _Cast, _Flat):
        add_generator(generator.name, generator)


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    _Told.given, _Told.stops_after = [], 99


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole shot, delivered once."""
    folder = tmp_path_factory.mktemp("approved")
    make_tiny_shot(folder / "shot", frames=FRAMES, generate={"backend": _Told.name, "window_frames": WINDOW})
    assert _run(folder) == 0
    return folder


@pytest.fixture
def root(approved: Path, tmp_path: Path) -> Path:
    shutil.copytree(approved, tmp_path, dirs_exist_ok=True)
    _Told.given = []
    return tmp_path


def _run(folder: Path, *flags: str, frames: tuple[int, int] | None = None, seed: int = 0, tail: int = TAIL) -> int:
    part = () if frames is None else ("--frames", f"{FIRST + frames[0]}-{FIRST + frames[1]}")
    options = ("--set", f"generate.seed={seed}", "--set", f"generate.tail_frames={tail}")
    shot = folder / "shot" / "shot.json"
    return main(["run", str(shot), "--out", str(folder / "out"), "--quiet", *options, *part, *flags])


def _version(folder: Path, number: int) -> Path:
    return folder / "out" / "tiny" / f"v{number:03d}"


def _hashes(folder: Path, number: int) -> dict[int, str]:
    comps = (_version(folder, number) / "comp").glob("*.exr")
    return {int(path.name.split(".")[-2]) - FIRST: sha256_file(path) for path in comps}


def _changed(folder: Path, one: int, other: int) -> list[int]:
    before, after = _hashes(folder, one), _hashes(folder, other)
    assert before.keys() == after.keys()
    return sorted(index for index in before if before[index] != after[index])


def _manifest(folder: Path, number: int) -> dict[str, Any]:
    return read_manifest(_version(folder, number) / "manifest.json")


def _layers(folder: Path, number: int) -> dict[int, tuple[Array, Array]]:
    """Every frame's rgb and character."""
    found = {}
    for path in (_version(folder, number) / "comp").glob("*.exr"):
        parts = exr.read_parts(path, ("rgba", "char_walker"))[0].values()
        rgba, char = (np.stack(list(part.planes.values()), axis=2).astype(np.float32) for part in parts)
        found[int(path.name.split(".")[-2]) - FIRST] = rgba[..., :3], char
    return found


def _char(frame: tuple[Array, Array]) -> Array:
    """The mean color of the character where it is solid."""
    char = frame[1]
    return np.asarray(char[char[..., 3] > 0.99][:, :3].mean(axis=0))


def test_a_range_is_made_with_a_few_frames_after_it_and_all_others_are_the_last_versions_bytes(root: Path) -> None:
    assert _run(root, frames=RANGE, seed=5) == 0
    assert _changed(root, 1, 2) == [5, 6, 7, 8, 9, 10]
    assert [(first, last) for first, last, _carried in _Told.given] == [(4, 7), (7, 10)]
    assert main(["verify", str(_version(root, 2))]) == 0
    told = _manifest(root, 2)["retake"]
    assert (told["frames"], told["made"], told["version"]) == (
        f"{FIRST + 5}-{FIRST + 7}",
        f"{FIRST + 5}-{FIRST + 10}",
        "v001",
    )
    assert list(told["head"]) == [str(FIRST + 4)]
    shares = [entry["new_share"] for entry in told["dissolved"].values()]
    assert shares == sorted(shares, reverse=True) and 0 < shares[-1] < shares[0] < 1
    assert _manifest(root, 2)["frame_facts"][str(FIRST + 8)]["retake"]["new_share"] == shares[0]
    assert "retake" not in _manifest(root, 2)["frame_facts"][str(FIRST)]


def test_the_first_window_starts_with_the_approved_frame(root: Path) -> None:
    assert _run(root, frames=RANGE, seed=5) == 0
    handed_on = exr.read_frame(
        root / "out" / "tiny" / "work" / "generate" / _Told.name / f"gen.{FIRST + 4}.exr", frame=0
    )
    given, alpha = _Told.given[0][2][0], handed_on.alpha
    assert alpha is not None
    solid = alpha >= 1
    assert np.count_nonzero(solid) > 500
    assert np.abs(given - handed_on.rgb)[solid].max() < 2e-3


def test_what_is_dissolved_goes_from_the_new_take_to_what_was_approved(root: Path) -> None:
    assert _run(root, frames=RANGE, seed=5) == 0
    old, new = _layers(root, 1), _layers(root, 2)
    away = [float(np.abs(_char(new[index]) - _char(old[index])).max()) for index in (8, 9, 10)]
    assert away[2] < away[1] < away[0] and away[2] < 0.5 * away[0]


def test_the_same_again_makes_nothing(root: Path) -> None:
    assert _run(root, frames=RANGE, seed=5) == 0
    assert _run(root, frames=RANGE, seed=5) == 0
    assert not _version(root, 3).exists()
    assert len(_Told.given) == 2


def test_another_take_of_a_range_shows_nothing_of_the_one_before(root: Path, tmp_path: Path) -> None:
    straight = tmp_path / "straight"
    shutil.copytree(root / "shot", straight / "shot")
    shutil.copytree(root / "out", straight / "out")
    assert _run(straight, frames=RANGE, seed=9) == 0
    assert _run(root, frames=RANGE, seed=5) == 0
    assert _run(root, frames=RANGE, seed=9) == 0
    assert _hashes(root, 3) == _hashes(straight, 2)


def test_another_take_can_be_made_where_the_approved_version_is_gone(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(root, frames=RANGE, seed=5) == 0
    shutil.rmtree(_version(root, 1))
    assert _run(root, frames=RANGE, seed=9) == 0
    assert "stands in" not in capsys.readouterr().err
    shutil.rmtree(root / "out" / "tiny" / "work" / "generate")
    assert _run(root, frames=RANGE, seed=11) == 0
    assert "stands in" in capsys.readouterr().err


def test_a_change_of_finish_after_a_retake_keeps_it(root: Path) -> None:
    assert _run(root, frames=RANGE, seed=5) == 0
    assert _run(root, "--set", "finish.margin_px=14", frames=RANGE, seed=5) == 0
    assert len(_Told.given) == 2, "nothing was generated again"
    assert _changed(root, 2, 3) == [5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("stops_after", [0, 1])
def test_a_retake_broken_off_is_taken_up_to_the_bit(root: Path, tmp_path: Path, stops_after: int) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(root / "shot", broken / "shot")
    shutil.copytree(root / "out", broken / "out")
    assert _run(root, frames=RANGE, seed=5) == 0
    _Told.given, _Told.stops_after = [], stops_after
    assert _run(broken, frames=RANGE, seed=5) == 130
    assert _run(broken, frames=RANGE, seed=5) == 130
    _Told.stops_after = 99
    assert _run(broken, frames=RANGE, seed=5) == 0
    assert len(_Told.given) == 2, "a window that was there was made again"
    assert _hashes(broken, 2) == _hashes(root, 2)
    manifests = [_manifest(folder, 2) for folder in (root, broken)]
    assert manifests[0] == manifests[1]


@pytest.mark.parametrize(
    ("frames", "tail", "made", "head"),
    [((0, 1), 3, [0, 1, 2, 3, 4], 0), ((12, 13), 3, [12, 13], 1), ((11, 12), 3, [11, 12, 13], 1), ((6, 6), 0, [6], 1)],
)
def test_a_range_at_the_shots_start_or_end_joins_what_there_is(
    root: Path, frames: tuple[int, int], tail: int, made: list[int], head: int
) -> None:
    assert _run(root, frames=frames, seed=5, tail=tail) == 0
    assert _changed(root, 1, 2) == made
    assert len(_Told.given[0][2]) == head
    assert main(["verify", str(_version(root, 2))]) == 0


def test_windows_that_are_there_are_taken_and_nothing_is_joined(root: Path) -> None:
    assert _run(root, "--set", "finish.margin_px=14", frames=RANGE) == 0
    assert not _Told.given and _changed(root, 1, 2) == [5, 6, 7]
    assert _manifest(root, 2)["retake"] is None


def test_a_range_beside_a_retake_joins_that_one(root: Path) -> None:
    assert _run(root, frames=RANGE, seed=5) == 0
    assert _run(root, "--set", "finish.margin_px=14", frames=(3, 4)) == 0
    told = _manifest(root, 3)["retake"]
    assert told["version"] == "v002" and told["made"] == f"{FIRST + 3}-{FIRST + 7}"


def test_as_the_whole_shot_would_have_it_is_an_option(root: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(root / "shot", whole / "shot")
    assert _run(whole, seed=5) == 0
    assert _run(root, "--set", "generate.range=whole", frames=RANGE, seed=5) == 0
    assert _changed(root, 1, 2) == [5, 6, 7]
    made, want = _layers(root, 2), _layers(whole, 1)
    assert all(np.array_equal(made[index][0], want[index][0]) for index in (5, 6, 7))


def test_frames_of_another_generator_are_not_joined(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(root, "--set", "generate.backend=fake", frames=RANGE) == 0
    assert "v001 was made by test-told" in capsys.readouterr().err
    assert _changed(root, 1, 2) == [5, 6, 7]


def test_an_approved_frame_that_was_tampered_with_is_not_joined(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    comp = next((_version(root, 1) / "comp").glob(f"*.{FIRST + 4}.exr"))
    comp.write_bytes(comp.read_bytes()[:-1] + b"?")
    assert _run(root, frames=RANGE, seed=5) == 2
    told = capsys.readouterr().err
    assert f"frame {FIRST + 4}" in told and "generate.range=whole" in told


def test_a_plate_that_changed_beside_the_range_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = RANGE[0] - 1
    rgb, _box = plate_pixels(index)
    exr.write_rgb(
        root / "shot" / "plate" / f"tiny.{FIRST + index}.exr",
        rgb + np.float16(0.01),
        attributes=plate_attributes(index),
    )
    assert _run(root, frames=RANGE, seed=5) == 2
    assert "the plate has changed" in capsys.readouterr().err


def test_a_last_version_of_another_task_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / "shot" / "shot.json"
    shot = json.loads(path.read_text())
    picture = root / "shot" / "world.png"
    cv2.imwrite(str(picture), np.full((60, 90, 3), 90, np.uint8))
    path.write_text(json.dumps({**shot, "task": "background", "background": "world.png", "reference": None}))
    assert _run(root, frames=RANGE, seed=5) == 2
    told = capsys.readouterr().err
    assert "its task is replace" in told and "without --frames" in told


@pytest.mark.parametrize("generator", [_Straight, _Cast])
def test_no_join_shows_in_color_however_far_off_the_generator_is(
    tmp_path: Path, generator: type[DraftGenerator]
) -> None:
    plain = {"finish": {"shadow": "off", "reveal": "clean"}, "condition": {"character": "card", "crop": "frame"}}
    make_tiny_shot(tmp_path / "shot", frames=16, generate={"backend": generator.name}, **plain)
    assert _run(tmp_path) == 0
    assert _run(tmp_path, "--fresh", frames=(6, 9), tail=4) == 0
    old, new = _layers(tmp_path, 1), _layers(tmp_path, 2)
    assert _manifest(tmp_path, 2)["retake"]["made"] == f"{FIRST + 6}-{FIRST + 13}"
    # Half a percent of light, and less than what the cast's own flicker left in the shot.
    for index in old:
        np.testing.assert_allclose(_char(new[index]), _char(old[index]), rtol=0.005)
        assert np.abs(new[index][0] - old[index][0]).mean() < 2e-4


def test_the_approved_character_is_there_while_a_take_without_an_alpha_is_dissolved_into_it(tmp_path: Path) -> None:
    make_tiny_shot(
        tmp_path / "shot", frames=12, generate={"backend": _Flat.name}, finish={"shadow": "off", "reveal": "clean"},
        condition={"character": "card", "crop": "frame"},
    )  # fmt: skip
    assert _run(tmp_path) == 0
    assert _run(tmp_path, frames=(4, 5), seed=1, tail=4) == 0
    old, new = _layers(tmp_path, 1), _layers(tmp_path, 2)
    assert main(["verify", str(_version(tmp_path, 2))]) == 0
    shown = []
    for index in (6, 7, 8, 9):
        there = old[index][1][..., 3] > 0.99
        shown.append(float(new[index][1][..., 3][there].mean()))
    assert shown == sorted(shown) and shown[-1] > 0.98
    notes = [row.get("notes", []) for row in read_measures(_version(tmp_path, 2) / "report" / "measures.jsonl")]
    assert sum(any("dissolved into v001" in note for note in told) for told in notes) == 4


def test_what_would_join_what_is_planned(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shot, out = str(root / "shot" / "shot.json"), str(root / "out")
    assert main(["plan", shot, "--out", out, "--frames", f"{FIRST + 5}-{FIRST + 7}"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"{FIRST + 5}-{FIRST + 7} joins v001; starts with its {FIRST + 4}; {FIRST + 8}-{FIRST + 13} are made" in told


def test_a_retake_that_was_killed_is_taken_up_to_the_bit(tmp_path: Path) -> None:
    """By SIGKILL, in a process of its own, as soon as its first window is made."""
    fake = {"backend": "fake", "window_frames": 3}
    make_tiny_shot(tmp_path / "shot", frames=9, generate=fake)
    assert _run(tmp_path) == 0
    shutil.copytree(tmp_path, tmp_path / "killed")
    events = tmp_path / "killed" / "events.jsonl"
    options = ("--set", "generate.seed=5", "--set", f"generate.tail_frames={TAIL}")
    child = subprocess.Popen(
        [
            sys.executable, "-m", "wanfx", "run", str(tmp_path / "killed" / "shot" / "shot.json"), "--out",
            str(tmp_path / "killed" / "out"), "--quiet", "--frames", f"{FIRST + 3}-{FIRST + 5}", *options, "--events",
            str(events),
        ]
    )  # fmt: skip
    while child.poll() is None and not _is_generating(events, "range-1004-1006.0000"):
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    for folder in (tmp_path, tmp_path / "killed"):
        assert _run(folder, frames=(3, 5), seed=5) == 0
    assert _manifest(tmp_path / "killed", 2) == _manifest(tmp_path, 2)


def _is_generating(events: Path, window: str) -> bool:
    return events.exists() and window in events.read_text()


def test_clean_makes_room_of_a_retakes_pictures_too(root: Path) -> None:
    assert _run(root, frames=RANGE, seed=5) == 0
    folder = root / "out" / "tiny" / "work" / "generate" / _Told.name / f"range-{FIRST + 5}-{FIRST + 7}"
    assert len(list(folder.glob("gen.*.exr"))) == 6
    assert main(["clean", str(root / "out" / "tiny")]) == 0
    assert not folder.exists()
