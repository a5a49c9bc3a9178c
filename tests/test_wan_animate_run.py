"""Whole runs with Wan2.2-Animate at toy size: the character is noise, and every promise is held."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import cv2
import torch
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_pixels

from wanfx.backends.hub_fetch import fetch_hub_set
from wanfx.backends.hub_sets import EDITOR, HUB_SETS
from wanfx.backends.image_edit import edit_picture
from wanfx.backends.protocols import GeneratedFrame, WindowInputs
from wanfx.backends.registry import add_generator
from wanfx.backends.wan_animate import WanAnimateGenerator
from wanfx.backends.wan_animate_window import AnimateWindow
from wanfx.backends.weights import MODELS_FOLDER, HubSource, ModelSet
from wanfx.cli.main import main
from wanfx.events import StepFinished, read_events
from wanfx.frames import Box, Size
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.io.pose_file import write_poses
from wanfx.io.stills import read_still, write_picture
from wanfx.manifest import read_manifest
from wanfx.ops.crop import cut, to_model
from wanfx.ops.edit_prompts import SEAMLESS
from wanfx.ops.pose import BODY, FACE, Pose, empty_pose
from wanfx.pixels import to_float

sys.path.append(str(Path(__file__).parent / "backends"))
from tiny_klein import save_klein_folder
from tiny_wan import save_animate_folder

NAME, FRAMES, WINDOW, STEPS = "test-wan-animate", 7, 5, 2
_CAST = np.float32(0.01)


class _Tiny(WanAnimateGenerator):
    """The generator with tiny networks, for tiny pictures."""

    name = NAME
    areas_px = {"480p": 48 * 64, "720p": 48 * 96}  # noqa: RUF012
    folder = Path()
    made: list[int] = []  # noqa: RUF012
    shown: list[tuple[WindowInputs, AnimateWindow]] = []  # noqa: RUF012
    stops_after = 99

    def __init__(self) -> None:
        source = HubSource("tiny/animate", "0")
        super().__init__(
            ModelSet("tiny", "1", "Apache-2.0", "diffusers", "wan", source, contents=(), folder=self.folder)
        )

    def _read(self, inputs: WindowInputs) -> AnimateWindow:
        window = super()._read(inputs)
        self.shown.append((inputs, window))
        return window

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """As ever, but broken off before the window after ``stops_after``.

        Untrained networks know no background; outside the mask they get it, a little off, as trained ones give it.
        """
        if len(self.made) >= self.stops_after:
            raise KeyboardInterrupt
        self.made.append(inputs.frames[0])
        for frame, made in zip(inputs.frames, super().generate(inputs), strict=True):
            assert made.alpha is None and np.isfinite(made.rgb).all()
            inside = inputs.mask(frame)[..., None] > 0
            yield GeneratedFrame(np.where(inside, made.rgb, inputs.plate(frame) * np.float32(1.02) + _CAST), None)


@pytest.fixture(scope="module", autouse=True)
def tiny_wan(tmp_path_factory: pytest.TempPathFactory) -> None:
    torch.set_num_threads(1)
    _Tiny.folder = tmp_path_factory.mktemp("wan")
    save_animate_folder(_Tiny.folder)
    add_generator(NAME, _Tiny)


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    _Tiny.made, _Tiny.shown, _Tiny.stops_after = [], [], 99


def _pose(index: int) -> Pose:
    """A person of sorts where the figure is, with a face."""
    box, pose = plate_pixels(index)[1], empty_pose()
    xy, confidence = pose.xy.copy(), pose.confidence.copy()
    random = np.random.default_rng(3)
    xy[BODY] = random.uniform(0.1, 0.9, (17, 2)) * (box.width, box.height) + (box.x0, box.y0)
    xy[FACE] = random.uniform((box.x0 + 6, box.y0 + 2), (box.x0 + 20, box.y0 + 16), (68, 2))
    confidence[BODY] = confidence[FACE] = 0.9
    return Pose(xy, confidence, pose.depth)


def _shot(folder: Path, *, frames: int = FRAMES, poses: bool = True, **changes: Any) -> Path:
    """The tiny shot; its actor's poses as an artist would leave them."""
    options: dict[str, Any] = {
        "generate": {"backend": NAME, "window_frames": WINDOW},
        "wan": {"dtype": "float32", "steps": STEPS},
        "pose": {"backend": "none"},
    }
    path = make_tiny_shot(folder / "shot", frames=frames, **(options | changes))
    if poses:
        work = folder / "out" / "tiny" / "work" / "pose"
        work.mkdir(parents=True)
        write_poses(work / "walker.json", {FIRST + i: _pose(i) for i in range(frames)}, size=Size(WIDTH, HEIGHT))
    return path


def _run(folder: Path, *flags: str) -> int:
    shot, out = folder / "shot" / "shot.json", folder / "out"
    return main(["run", str(shot), "--out", str(out), "--events", str(folder / "events.jsonl"), "--quiet", *flags])


def _files(folder: Path, part: str) -> dict[str, str]:
    root = folder / "out" / "tiny" / part
    return {path.relative_to(root).as_posix(): sha256_file(path) for path in sorted(root.rglob("*.exr"))}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    _shot(folder)
    assert _run(folder) == 0
    return folder


def test_a_shot_is_delivered_and_every_promise_is_held(whole: Path) -> None:
    version = whole / "out" / "tiny" / "v001"
    assert main(["verify", str(version)]) == 0
    manifest = read_manifest(version / "manifest.json")
    assert manifest["backend"] == NAME and manifest["quality"] == "final"
    assert not [promise for promise in manifest["promises"] if promise["state"] == "broken"]
    assert {"steps=2", "window_frames=5", "dtype=float32"} <= set(manifest["settings"])


def test_what_steers_the_model_lies_on_disk_in_the_size_of_its_picture(whole: Path) -> None:
    drive = whole / "out" / "tiny" / "work" / "drive"
    made = exr.read_frame(next((whole / "out" / "tiny" / "work" / "generate" / NAME).glob("gen.*.exr"))).rgb
    assert made.dtype == np.float32
    for name in ("pose", "mask"):
        pictures = [read_still(path).pixels for path in sorted((drive / name).glob("*.png"))]
        assert len(pictures) == FRAMES and {one.shape for one in pictures} == {made.shape}
        assert all(one.max() > 0 for one in pictures)
    faces = [read_still(path).pixels for path in sorted((drive / "face").glob("*.png"))]
    assert {face.shape for face in faces} == {(512, 512, 3)} and all(face.max() > 0.1 for face in faces)
    assert exr.read_frame(drive / "reference" / "reference.exr").rgb.shape == made.shape


def test_the_model_is_shown_the_drawings_the_plate_with_a_black_hole_and_what_is_carried(tmp_path: Path) -> None:
    _shot(tmp_path)
    assert _run(tmp_path) == 0
    drive, (first, second) = tmp_path / "out" / "tiny" / "work" / "drive", _Tiny.shown
    for inputs, window in (first, second):
        assert window.background is not None and window.mask is not None
        for index, frame in enumerate(inputs.frames_read):
            drawn = {name: read_still(drive / name / f"{name}.{frame}.png").pixels for name in ("pose", "face", "mask")}
            assert np.abs(window.pose[index] - (2 * drawn["pose"] - 1)).max() < 1e-6
            face = cv2.resize(drawn["face"], window.face[index].shape[:2], interpolation=cv2.INTER_AREA)
            assert np.abs(window.face[index] - (2 * face - 1)).max() < 0.01
            assert np.array_equal(window.mask[index], drawn["mask"][..., 0]) and 0 < window.mask[index].mean() < 1
            hole = window.mask[index] == 1
            assert (window.background[index][hole] == -1).all(), "grey is what is not known, and a hole is black"
            assert np.array_equal(window.background[index][~hole], np.clip(inputs.plate(frame), -1, 1)[~hole])
    assert first[1].carried is None and second[1].carried is not None
    carry = exr.read_frame(tmp_path / "out" / "tiny" / "work" / "generate" / NAME / f"carry.{FIRST + 4:04d}.exr").rgb
    assert np.array_equal(second[1].carried[0], carry)


def test_every_step_of_a_window_is_told(whole: Path) -> None:
    steps = [event for event in read_events(whole / "events.jsonl") if isinstance(event, StepFinished)]
    told = [(one.part, one.parts, one.step, one.steps) for one in steps]
    assert told == [(1, 2, 1, 2), (1, 2, 2, 2), (2, 2, 1, 2), (2, 2, 2, 2)]


def test_the_plate_is_kept_outside_the_edit(whole: Path) -> None:
    comp = exr.read_frame(next((whole / "out" / "tiny" / "v001" / "comp").glob(f"*{FIRST + 3}.exr"))).rgb
    plate = plate_pixels(3)[0]
    same = (comp.view(np.uint16) == plate.view(np.uint16)).all(axis=2)
    assert same[:, :20].all() and same[:, -40:].all() and not same.all()


@pytest.mark.parametrize("stops_after", [0, 1])
def test_a_run_broken_off_after_any_window_is_taken_up_to_the_bit(
    whole: Path, tmp_path: Path, stops_after: int
) -> None:
    _shot(tmp_path)
    _Tiny.stops_after = stops_after
    assert _run(tmp_path) == 130
    assert len(_Tiny.made) == stops_after
    _Tiny.stops_after = 99
    assert _run(tmp_path) == 0
    assert _Tiny.made == [FIRST, FIRST + 4], "a window that was there was made again"
    for part in ("work/generate", "v001/comp"):
        assert _files(tmp_path, part) == _files(whole, part)


def test_a_range_takes_the_windows_that_are_there(whole: Path, tmp_path: Path) -> None:
    _shot(tmp_path)
    assert _run(tmp_path, "--frames", f"{FIRST}-{FIRST + 3}") == 0
    assert _Tiny.made == [FIRST]
    assert _run(tmp_path, "--frames", f"{FIRST + 4}-{FIRST + 6}") == 0
    assert _Tiny.made == [FIRST, FIRST + 4]
    made, want = (_files(folder, "work/generate") for folder in (tmp_path, whole))
    assert made == want


@pytest.mark.parametrize(("frames", "carry"), [(1, "1"), (3, "5"), (6, "5")])
def test_shots_shorter_than_a_window_or_its_carry_are_made(tmp_path: Path, frames: int, carry: str) -> None:
    _shot(tmp_path, frames=frames, generate={"backend": NAME, "window_frames": 9},
          wan={"dtype": "float32", "steps": 1, "carried_frames": carry})  # fmt: skip
    assert _run(tmp_path) == 0
    assert main(["verify", str(tmp_path / "out" / "tiny" / "v001")]) == 0


def test_a_painted_mask_is_what_the_model_draws_in_and_makes_only_its_windows_again(tmp_path: Path) -> None:
    _shot(tmp_path)
    assert _run(tmp_path) == 0
    before = _files(tmp_path, "work/generate")
    mask = sorted((tmp_path / "out" / "tiny" / "work" / "drive" / "mask").glob("*.png"))[-1]
    picture = np.asarray(read_still(mask).pixels * 255, np.uint8)
    picture[14:40] = 255
    write_picture(mask, picture)
    _Tiny.made = []
    assert _run(tmp_path) == 0
    assert _Tiny.made == [FIRST + 4]
    after = _files(tmp_path, "work/generate")
    changed = {int(name.split(".")[-2]) - FIRST for name in before if "gen" in name and before[name] != after[name]}
    assert changed == {5, 6}


def test_a_window_is_made_again_where_the_one_before_hands_on_something_else(tmp_path: Path) -> None:
    _shot(tmp_path)
    assert _run(tmp_path) == 0
    mask = tmp_path / "out" / "tiny" / "work" / "drive" / "mask" / f"mask.{FIRST + 1}.png"
    write_picture(mask, np.full_like(read_still(mask).pixels, 255, np.uint8))
    _Tiny.made = []
    assert _run(tmp_path) == 0
    assert _Tiny.made == [FIRST, FIRST + 4]


def test_a_painted_picture_of_another_size_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _shot(tmp_path)
    mask = tmp_path / "out" / "tiny" / "work" / "drive" / "mask" / f"mask.{FIRST + 6}.png"
    mask.parent.mkdir(parents=True)
    write_picture(mask, np.zeros((8, 8, 3), np.uint8))
    _Tiny.made = []
    assert _run(tmp_path) == 2 and not _Tiny.made
    assert "the model's mask is" in capsys.readouterr().err


def test_a_reframed_reference_stands_where_the_actor_does(tmp_path: Path) -> None:
    _shot(tmp_path, frames=2, condition={"reference": "reframe"}, wan={"dtype": "float32", "steps": 1})
    assert _run(tmp_path) == 0
    drive = tmp_path / "out" / "tiny" / "work" / "drive"
    shown = exr.read_frame(drive / "reference" / "reference.exr").rgb
    rows = np.flatnonzero((np.abs(shown - 0.18).max(axis=2) > 0.02).any(axis=1))
    mask = read_still(drive / "mask" / f"mask.{FIRST}.png").pixels[..., 0]
    inside = np.flatnonzero(mask.any(axis=1))
    assert abs(rows[0] - inside[0] - 9) <= 4 and abs(rows[-1] - inside[-1] + 9) <= 4


def test_finer_cells_keep_more_of_the_plate(tmp_path: Path) -> None:
    for name, cells in (("fine", {"mask_columns": 8, "mask_rows": 12}), ("box", {})):
        _shot(tmp_path / name, frames=1, condition=cells, wan={"dtype": "float32", "steps": 1})
        assert _run(tmp_path / name) == 0
    fine, box = (
        read_still(tmp_path / name / "out" / "tiny" / "work" / "drive" / "mask" / f"mask.{FIRST}.png").pixels.mean()
        for name in ("fine", "box")
    )
    assert 0 < fine <= box


def test_another_task_is_refused_in_true_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _shot(tmp_path, poses=False, frames=1, task="background")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"background": "reference.png"}))
    assert _run(tmp_path) == 2
    error = capsys.readouterr().err
    assert f"{NAME} cannot make task 'background'" in error
    assert "generate.backend=draft" in error


def test_a_window_that_is_not_4n_plus_1_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _shot(tmp_path, poses=False, frames=1, generate={"backend": NAME, "window_frames": 6})
    assert _run(tmp_path) == 2
    assert "4 n + 1" in capsys.readouterr().err


def test_a_lora_that_is_not_there_is_told_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _shot(tmp_path, poses=False, frames=1, wan={"lora": str(tmp_path / "no.safetensors")})
    assert _run(tmp_path) == 3
    assert "wan.lora" in capsys.readouterr().err


@pytest.mark.parametrize("given_by", ["shot", "flag"])
def test_a_lora_is_looked_for_beside_the_shot_that_names_it_or_where_the_command_is_given(
    tmp_path: Path, given_by: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    _shot(tmp_path, poses=False, frames=1, **({"wan": {"lora": "loras/no.safetensors"}} if given_by == "shot" else {}))
    assert _run(tmp_path, *(("--set", "wan.lora=loras/no.safetensors") if given_by == "flag" else ())) == 3
    folder = tmp_path / ("shot" if given_by == "shot" else "here")
    assert str(folder / "loras" / "no.safetensors") in capsys.readouterr().err


def test_without_weights_the_command_that_gets_them_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "models"))
    _shot(tmp_path, poses=False, frames=1, generate={"backend": "wan-animate"})
    assert _run(tmp_path) == 3
    assert "wanfx models fetch wan-animate" in capsys.readouterr().err


def test_a_reference_on_the_plate_stands_where_the_actor_did_on_the_background_without_him(tmp_path: Path) -> None:
    _shot(tmp_path, frames=2, condition={"reference": "onto-plate", "crop": "frame"},
          wan={"dtype": "float32", "steps": 1})  # fmt: skip
    assert _run(tmp_path) == 0
    work = tmp_path / "out" / "tiny" / "work"
    shown = exr.read_frame(work / "drive" / "reference" / "reference.exr").rgb
    clean = to_float(exr.read_frame(work / "clean" / f"clean.{FIRST}.exr").rgb)
    mask = read_still(work / "drive" / "mask" / f"mask.{FIRST}.png").pixels[..., 0] > 0
    changed = np.abs(shown - _whole_frame(clean, shown.shape)).max(axis=2) > 0.02
    assert changed[mask].mean() > 0.15 and not changed[~mask].any()
    told = read_manifest(tmp_path / "out" / "tiny" / "v001" / "manifest.json")["reference"]
    assert told["mode"] == "onto-plate" and told["frame"] == FIRST and not told["painted"]
    assert all(0.4 < slope < 2.5 for slope in told["grade"]["slope"])


def _whole_frame(picture: np.ndarray[Any, Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """All of the picture in the proportions of ``shape``, in its size: its edge goes on where it needs more."""
    rows, columns = picture.shape[:2]
    width, height = max(columns, round(rows * shape[1] / shape[0])), max(rows, round(columns * shape[0] / shape[1]))
    left, top = (columns - width) // 2, (rows - height) // 2
    box = Box(left, top, left + width, top + height)
    return to_model(np.ascontiguousarray(cut(picture, box)), size=Size(shape[1], shape[0]))


def test_an_edited_reference_is_told_with_its_model_and_leaves_the_plate_away_from_the_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "models"))
    monkeypatch.setattr(_Tiny, "areas_px", {"720p": 80 * 128})
    _shot(tmp_path, frames=2, condition={"reference": "edit", "crop": "frame"}, wan={"dtype": "float32", "steps": 1})
    assert _run(tmp_path) == 3
    assert f"wanfx models fetch {EDITOR}" in capsys.readouterr().err
    save_klein_folder(tmp_path / "klein")
    fetch_hub_set(EDITOR, given=tmp_path / "klein")
    prompts = []

    def edit(shown: list[Any], *, prompt: str, seed: int) -> Any:
        prompts.append(prompt)
        return edit_picture(shown, prompt=prompt, seed=seed)

    monkeypatch.setattr("wanfx.stages.reference_edit.edit_picture", edit)
    assert _run(tmp_path) == 0
    assert _run(tmp_path, "--set", "condition.edit_prompt=in the rain", "--frames", str(FIRST)) == 0
    assert prompts == [SEAMLESS, "in the rain"]
    work, version = tmp_path / "out" / "tiny" / "work", tmp_path / "out" / "tiny" / "v001"
    edited = exr.read_frame(work / "drive" / "reference" / "reference.exr").rgb
    manifest = read_manifest(version / "manifest.json")
    assert manifest["reference"]["mode"] == "edit"
    assert HUB_SETS[EDITOR].repository in {model["name"] for model in manifest["models"]}
    clean = to_float(exr.read_frame(work / "clean" / f"clean.{FIRST}.exr").rgb)
    changed = np.abs(edited - _whole_frame(clean, edited.shape)).max(axis=2) > 0.02
    assert 0 < changed.mean() < 0.5
