"""Ranges made again with Wan's generators at toy size: between approved frames, which they are shown as they are."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from animate_shot import make_animate_shot
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_pixels
from vace_shot import TinyVace, add_tiny_vace, make_vace_shot, run_vace

from wanfx.backends.protocols import GeneratedFrame, WindowInputs
from wanfx.backends.registry import add_generator
from wanfx.backends.wan_animate import WanAnimateGenerator
from wanfx.backends.weights import HubSource, ModelSet
from wanfx.cli.main import main
from wanfx.frames import Size
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.io.pose_file import write_poses
from wanfx.manifest import read_manifest
from wanfx.ops.crop import cut, to_model
from wanfx.ops.pose import BODY, FACE, Pose, empty_pose
from wanfx.ops.vace_mask import frames_of_latents
from wanfx.pixels import to_float
from wanfx.stages.conditioning import PlateWindow

sys.path.append(str(Path(__file__).parent / "backends"))
from tiny_wan import save_animate_folder

NAME, FRAMES, WINDOW = "test-wan-retake", 13, 5
Array = npt.NDArray[np.float32]


class _Tiny(WanAnimateGenerator):
    """The generator with tiny networks; outside the mask it gives the plate, a little off, as trained ones do.

    ``given`` are its windows' inputs, ``made`` what the networks made of them.
    """

    name = NAME
    areas_px: ClassVar = {"480p": 48 * 64, "720p": 48 * 96}
    folder = Path()
    given: ClassVar[list[WindowInputs]] = []
    made: ClassVar[list[list[GeneratedFrame]]] = []
    stops_after = 99

    def __init__(self) -> None:
        source = HubSource("tiny/animate", "0")
        super().__init__(
            ModelSet("tiny", "1", "Apache-2.0", "diffusers", "wan", source, contents=(), folder=self.folder)
        )

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """As ever, but broken off before the window after ``stops_after``."""
        if len(self.given) >= self.stops_after:
            raise KeyboardInterrupt
        self.given.append(inputs)
        frames = list(super().generate(inputs))
        self.made.append(frames)
        for frame, made in zip(inputs.frames, frames, strict=True):
            if inputs.drive is not None and inputs.drive.is_whole:
                yield made
                continue
            inside = inputs.mask(frame)[..., None] > 0
            off = inputs.plate(frame) * np.float32(1.02) + np.float32(0.01)
            yield GeneratedFrame(np.where(inside, made.rgb, off), None)


@pytest.fixture(scope="module", autouse=True)
def tiny(tmp_path_factory: pytest.TempPathFactory) -> None:
    torch.set_num_threads(1)
    _Tiny.folder = tmp_path_factory.mktemp("wan")
    save_animate_folder(_Tiny.folder)
    add_generator(NAME, _Tiny)
    add_tiny_vace(tmp_path_factory.mktemp("vace"))


def _forget() -> None:
    _Tiny.given.clear()
    _Tiny.made.clear()
    _Tiny.stops_after = 99
    TinyVace.forget()


def _pose(index: int) -> Pose:
    box, pose = plate_pixels(index)[1], empty_pose()
    xy, confidence = pose.xy.copy(), pose.confidence.copy()
    random = np.random.default_rng(3)
    xy[BODY] = random.uniform(0.1, 0.9, (17, 2)) * (box.width, box.height) + (box.x0, box.y0)
    xy[FACE] = random.uniform((box.x0 + 6, box.y0 + 2), (box.x0 + 20, box.y0 + 16), (68, 2))
    confidence[BODY] = confidence[FACE] = 0.9
    return Pose(xy, confidence, pose.depth)


def _make(folder: Path, *, carried: str, window: int = WINDOW, frames: int = FRAMES, **changes: Any) -> Path:
    """A delivered shot."""
    options: dict[str, Any] = {
        "generate": {"backend": NAME, "window_frames": window},
        "wan": {"dtype": "float32", "steps": 1, "carried_frames": carried},
        "pose": {"backend": "none"},
        "grain": {"match": "off"},
    }
    make_tiny_shot(folder / "shot", frames=frames, **(options | changes))
    work = folder / "out" / "tiny" / "work" / "pose"
    work.mkdir(parents=True)
    write_poses(work / "walker.json", {FIRST + i: _pose(i) for i in range(frames)}, size=Size(WIDTH, HEIGHT))
    assert _run(folder) == 0
    return folder


def _run(folder: Path, *flags: str) -> int:
    return main(["run", str(folder / "shot" / "shot.json"), "--out", str(folder / "out"), "--quiet", *flags])


def _again(first: int, last: int, *, seed: int = 7, tail: int = 3) -> tuple[str, ...]:
    options = ("--set", f"generate.seed={seed}", "--set", f"generate.tail_frames={tail}")
    return ("--frames", f"{FIRST + first}-{FIRST + last}", *options)


def _copy(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target, dirs_exist_ok=True)
    _forget()
    return target


def _version(folder: Path, number: int) -> Path:
    return folder / "out" / "tiny" / f"v{number:03d}"


def _hashes(folder: Path, number: int) -> dict[int, str]:
    comps = (_version(folder, number) / "comp").glob("*.exr")
    return {int(path.name.split(".")[-2]) - FIRST: sha256_file(path) for path in comps}


def _changed(folder: Path, one: int, other: int) -> list[int]:
    before, after = _hashes(folder, one), _hashes(folder, other)
    return sorted(index for index in before if before[index] != after[index])


@pytest.fixture(scope="module")
def animated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("animated"), carried="1")


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("painted")
    make_vace_shot(folder, frames=16)
    assert run_vace(folder) == 0
    return folder


def _off(given: Array, inputs: WindowInputs, folder: Path, frame: int) -> Array:
    """How far the picture that a window was ``given`` is from one made by hand: the comp, the plate outside.

    Where the character's matte is 0 or 1; in its edge the window is given its light alone.
    """
    assert isinstance(inputs, PlateWindow)
    conditioning = inputs.conditioning
    comp = next((_version(folder, 1) / "comp").glob(f"*.{frame}.exr"))
    crop = conditioning.crops[frame]
    linear = cut(to_float(exr.read_frame(comp, canvas=conditioning.plate.canvas, frame=frame).rgb), crop)
    model = inputs.bridge.encode(to_model(np.ascontiguousarray(linear), size=inputs.size))
    drawn = inputs.mask(frame) if inputs.drive is not None else 1 - inputs.mask(frame)
    by_hand = np.where(drawn[..., None] > 0.99, model, inputs.plate(frame))
    matte = exr.read_parts(comp, ("matte_character",))[0]["matte_character"]
    alpha = to_model(cut(to_float(next(iter(matte.planes.values()))), crop), size=inputs.size)
    return np.asarray(np.abs(given - by_hand)[(alpha == 0) | (alpha == 1)])


def test_a_range_joins_the_approved_frames_and_all_others_are_the_last_versions_bytes(
    animated: Path, tmp_path: Path
) -> None:
    root = _copy(animated, tmp_path)
    assert _run(root, *_again(5, 6)) == 0
    assert _changed(root, 1, 2) == [5, 6, 7, 8, 9]
    assert [(one.frames[0] - FIRST, one.frames[-1] - FIRST) for one in _Tiny.given] == [(4, 8), (8, 9)]
    assert main(["verify", str(_version(root, 2))]) == 0
    assert _run(root, *_again(5, 6)) == 0
    assert not _version(root, 3).exists()


def test_the_first_window_is_given_the_comp_and_makes_of_it_what_the_networks_do(
    animated: Path, tmp_path: Path
) -> None:
    root = _copy(animated, tmp_path)
    assert _run(root, *_again(5, 6)) == 0
    inputs = _Tiny.given[0]
    assert len(inputs.carried) == 1
    off = _off(inputs.carried[0], inputs, root, FIRST + 4)
    assert len(off) > 1000 and off.max() < 2e-3
    generator = _Tiny()
    generator.configure(_options(root))
    generator.load(cache=root / "text")
    assert isinstance(inputs, PlateWindow)
    untold = replace(inputs, on_step=lambda _step, _steps: None)
    made = list(WanAnimateGenerator.generate(generator, untold))
    for one, other in zip(made, _Tiny.made[0], strict=True):
        assert np.array_equal(one.rgb, other.rgb)
    generated = exr.read_frame(
        root / "out" / "tiny" / "work" / "generate" / NAME / f"range-{FIRST + 5}-{FIRST + 6}" / f"gen.{FIRST + 5}.exr"
    ).rgb
    inside = inputs.mask(FIRST + 5) > 0
    assert np.array_equal(generated[inside], made[1].rgb[inside])


def _options(root: Path) -> Any:
    from wanfx.session import resolve_options
    from wanfx.shot import load_shot

    return resolve_options(load_shot(root / "shot" / "shot.json"))


@pytest.mark.parametrize("stops_after", [0, 1])
def test_a_retake_broken_off_is_taken_up_to_the_bit(animated: Path, tmp_path: Path, stops_after: int) -> None:
    unbroken, broken = _copy(animated, tmp_path / "unbroken"), _copy(animated, tmp_path / "broken")
    assert _run(unbroken, *_again(5, 6)) == 0
    _forget()
    _Tiny.stops_after = stops_after
    assert _run(broken, *_again(5, 6)) == 130
    assert _run(broken, *_again(5, 6)) == 130
    _Tiny.stops_after = 99
    assert _run(broken, *_again(5, 6)) == 0
    assert len(_Tiny.given) == 2
    assert _hashes(broken, 2) == _hashes(unbroken, 2)


def test_five_frames_are_carried_or_one_where_the_shot_has_no_five_before(tmp_path: Path) -> None:
    root = _make(tmp_path, carried="5", window=9)
    _forget()
    assert _run(root, *_again(6, 6, tail=2)) == 0
    assert [len(one.carried) for one in _Tiny.given] == [5]
    assert _Tiny.given[0].frames[0] == FIRST + 1
    for index, picture in enumerate(_Tiny.given[0].carried):
        assert _off(picture, _Tiny.given[0], root, FIRST + 1 + index).max() < 2e-3
    _forget()
    assert _run(root, *_again(2, 2, tail=2)) == 0
    assert [len(one.carried) for one in _Tiny.given] == [1]
    _forget()
    assert _run(root, *_again(0, 1, tail=4)) == 0
    assert [len(one.carried) for one in _Tiny.given] == [0]
    assert main(["verify", str(_version(root, 4))]) == 0


def test_a_range_of_a_picture_that_is_new_all_over_joins_it_too(tmp_path: Path) -> None:
    make_animate_shot(tmp_path, frames=9, generate={"backend": NAME, "window_frames": WINDOW})
    assert _run(tmp_path) == 0
    _forget()
    assert _run(tmp_path, *_again(4, 5, tail=2)) == 0
    assert _changed(tmp_path, 1, 2) == [4, 5, 6, 7]
    inputs, comp = _Tiny.given[0], next((_version(tmp_path, 1) / "comp").glob(f"*.{FIRST + 3}.exr"))
    assert isinstance(inputs, PlateWindow)
    crop, size = inputs.conditioning.crops[FIRST + 3], inputs.size
    rgb = to_float(exr.read_frame(comp).rgb)
    # The model's picture reaches a little beyond the frame, where what is at its edge stands in.
    pads = (-crop.y0, crop.y1 - HEIGHT), (-crop.x0, crop.x1 - WIDTH), (0, 0)
    by_hand = inputs.bridge.encode(to_model(np.pad(rgb, pads, mode="edge"), size=size))
    assert np.median(np.abs(inputs.carried[0] - by_hand)) < 2e-3
    assert main(["verify", str(_version(tmp_path, 2))]) == 0


def test_vace_is_pinned_at_both_ends_and_makes_nothing_but_the_range(painted: Path, tmp_path: Path) -> None:
    root = _copy(painted, tmp_path)
    assert run_vace(root, *_again(6, 8)) == 0
    assert _changed(root, 1, 2) == [6, 7, 8]
    assert main(["verify", str(_version(root, 2))]) == 0
    (window,) = TinyVace.shown
    # Two approved frames, three new ones, and a latent of approved ones.
    assert len(window.video) == 9 and TinyVace.made == [FIRST + 4]
    kept = [index for index, mask in enumerate(window.mask) if not mask.any()]
    assert kept == [0, 1, 5, 6, 7, 8]
    read = frames_of_latents(9)
    assert [read[latent] in kept for latent in range(3)] == [True, False, True]
    told = read_manifest(_version(root, 2) / "manifest.json")["retake"]
    assert list(told["head"]) == [str(FIRST + index) for index in (4, 5)] and not told["dissolved"]
    assert list(told["pinned"]) == [str(FIRST + index) for index in (9, 10, 11, 12)]


def test_vace_is_shown_the_approved_world_around_the_plates_actor(painted: Path, tmp_path: Path) -> None:
    root = _copy(painted, tmp_path)
    assert run_vace(root, *_again(6, 8)) == 0
    (window,), (plates,) = TinyVace.shown, TinyVace.plates
    folder = root / "out" / "tiny" / "work" / "generate" / TinyVace.name / f"range-{FIRST + 6}-{FIRST + 8}"
    for slot, index in ((0, 4), (5, 9), (8, 12)):
        given = exr.read_frame(folder / f"approved.{FIRST + index}.exr").rgb
        assert np.array_equal(window.video[slot], np.clip(given, -1, 1))
    plate, actor = plates[0]
    assert np.array_equal(window.video[0][actor >= 1], np.clip(plate, -1, 1)[actor >= 1])


def test_of_several_windows_the_last_alone_is_pinned(painted: Path, tmp_path: Path) -> None:
    root = _copy(painted, tmp_path)
    assert run_vace(root, *_again(3, 11)) == 0
    assert _changed(root, 1, 2) == list(range(3, 12))
    ends = [not window.mask[-1].any() for window in TinyVace.shown]
    assert len(ends) > 1 and ends == [False] * (len(ends) - 1) + [True]
    assert all(len(window.video) <= 9 and len(window.video) % 4 == 1 for window in TinyVace.shown)


@pytest.mark.parametrize(("first", "last", "pinned"), [(12, 15, 0), (11, 13, 2), (0, 2, 4)])
def test_vace_is_pinned_where_the_shot_goes_on_and_nowhere_else(
    painted: Path, tmp_path: Path, first: int, last: int, pinned: int
) -> None:
    root = _copy(painted, tmp_path)
    assert run_vace(root, *_again(first, last)) == 0
    assert _changed(root, 1, 2) == list(range(first, last + 1))
    told = read_manifest(_version(root, 2) / "manifest.json")["retake"]
    assert len(told["pinned"]) == pinned and bool(told["head"]) is (first > 0)
    assert not TinyVace.shown[-1].mask[-1].any() if pinned else TinyVace.shown[-1].mask[-1].any()
    assert main(["verify", str(_version(root, 2))]) == 0


def test_a_vace_retake_broken_off_is_taken_up_to_the_bit(painted: Path, tmp_path: Path) -> None:
    unbroken, broken = _copy(painted, tmp_path / "unbroken"), _copy(painted, tmp_path / "broken")
    assert run_vace(unbroken, *_again(3, 11)) == 0
    count = len(TinyVace.made)
    TinyVace.forget()
    TinyVace.stops_after = 1
    assert run_vace(broken, *_again(3, 11)) == 130
    TinyVace.stops_after = 99
    assert run_vace(broken, *_again(3, 11)) == 0
    assert len(TinyVace.made) == count
    assert _hashes(broken, 2) == _hashes(unbroken, 2)


def test_windows_too_short_to_be_pinned_are_told(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _copy(painted, tmp_path)
    assert run_vace(root, *_again(6, 8), "--set", "wan.carried_frames=5") == 2
    assert "set it to 17 or more, or set generate.range=whole" in capsys.readouterr().err
