"""Every mode of task background with Wan2.1-VACE at toy size: what the model is shown, and what becomes of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from tiny import FIRST, HEIGHT, WIDTH, plate_attributes, plate_pixels, wall
from vace_shot import STEPS, TinyVace, add_tiny_vace, make_vace_shot, run_vace

from wanfx.backends.wan_encoders import NEGATIVE_PROMPT
from wanfx.backends.wan_vace_window import VaceText, VaceWindow
from wanfx.cli.main import main
from wanfx.frames import Box, Size
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.io.stills import read_still, write_picture
from wanfx.ops.crop import to_model

sys.path.append(str(Path(__file__).parent / "backends"))
from stock_vace import in_bytes, run_stock

FRAMES = 9
Array = npt.NDArray[Any]
MODES: dict[str, dict[str, Any]] = {
    "paint": {"path": None},
    "anchor": {"anchor": "both"},
    "guide": {"path": None, "guide": "guide/guide.####.png"},
    "remove": {"path": None},
    "extend": {"path": None, "extend": {"left": 20, "bottom": 12}},
}
WITH = {"references": ["reference.png", "reference.png"]}


@pytest.fixture(scope="module", autouse=True)
def tiny_vace(tmp_path_factory: pytest.TempPathFactory) -> None:
    add_tiny_vace(tmp_path_factory.mktemp("vace"))


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    TinyVace.forget()


def _guide(folder: Path, count: int) -> Array:
    """Ramps that move, one a frame."""
    ramps = np.stack([np.tile((np.arange(WIDTH) + 9 * one) % 256, (HEIGHT, 1)) for one in range(count)])
    (folder / "shot" / "guide").mkdir(parents=True)
    for index, ramp in enumerate(ramps):
        picture = np.repeat(ramp[..., None].astype(np.uint8), 3, axis=2)
        write_picture(folder / "shot" / "guide" / f"guide.{FIRST + index}.png", picture)
    return ramps / 255


def _shot(folder: Path, mode: str, *, frames: int = FRAMES, **changes: Any) -> None:
    background = {"mode": mode, **MODES[mode], **changes.pop("background", {})}
    if mode == "guide":
        _guide(folder, frames)
    make_vace_shot(folder, frames=frames, background=background, **changes)
    TinyVace.knows_plate = mode in ("remove", "extend")


def _hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in sorted(folder.rglob("*.exr"))}


def _make(folder: Path, mode: str, *, frames: int = FRAMES, **changes: Any) -> None:
    _shot(folder, mode, frames=frames, **changes)
    assert run_vace(folder) == 0
    assert main(["verify", str(folder / "out" / "tiny" / "v001")]) == 0


def _stock(window: VaceWindow, *, noise: Any) -> Array:
    """By diffusers alone, the words too."""
    from diffusers import UniPCMultistepScheduler, WanVACEPipeline

    pipeline = WanVACEPipeline.from_pretrained(TinyVace.folder)
    pipeline.text_encoder.to(torch.bfloat16)
    pipeline.scheduler = UniPCMultistepScheduler.from_config(pipeline.scheduler.config, flow_shift=16.0)
    return run_stock(
        pipeline, window, prompt="a figure walks along a beach", negative_prompt=NEGATIVE_PROMPT,
        num_inference_steps=STEPS, guidance_scale=5.0, latents=noise,
    )  # fmt: skip


def _ours(window: VaceWindow, *, noise: Any) -> Array:
    made = TinyVace.last[0]
    text: VaceText = made._text[1]
    return made._networks.generate(window, text, noise=noise, steps=STEPS, guidance_scale=5.0)


@pytest.mark.parametrize("mode", list(MODES))
def test_a_window_is_what_the_stock_pipeline_makes_of_what_was_shown(tmp_path: Path, mode: str) -> None:
    _make(tmp_path, mode)
    (shown,), (given,) = TinyVace.shown, TinyVace.given
    bare = replace(shown, references=())
    noise = TinyVace.last[0]._networks.draw_noise(bare, seed=0)
    ours = _ours(bare, noise=noise)
    assert np.abs(ours - _stock(bare, noise=noise)).max() < 1e-4
    if not shown.references:
        assert np.abs(np.stack([frame.rgb for frame in given]) - ours).max() < 1e-6


@pytest.mark.parametrize("mode", list(MODES))
def test_so_it_is_with_references_in_their_order(tmp_path: Path, mode: str) -> None:
    _make(tmp_path, mode, background=WITH)
    shown = in_bytes(TinyVace.shown[0])
    assert len(shown.references) == 2 + (mode == "anchor")
    noise = TinyVace.last[0]._networks.draw_noise(shown, seed=0)
    assert np.abs(_ours(shown, noise=noise) - _stock(shown, noise=noise)).max() < 1e-4


@pytest.mark.parametrize("references", [False, True])
@pytest.mark.parametrize("mode", list(MODES))
def test_a_run_broken_off_after_a_window_is_taken_up_to_the_bit(tmp_path: Path, mode: str, references: bool) -> None:
    more = {"background": WITH} if references else {}
    folders = [tmp_path / "whole", tmp_path / "broken"]
    for folder, stops in zip(folders, (99, 1), strict=True):
        TinyVace.forget()
        _shot(folder, mode, frames=13, **more)
        TinyVace.stops_after = stops
        assert run_vace(folder) == (0 if stops > 1 else 130)
    made = list(TinyVace.made)
    TinyVace.stops_after = 99
    assert run_vace(folders[1]) == 0
    assert made == [FIRST] and TinyVace.made == [FIRST, FIRST + 8], "a window that was there was made again"
    for part in ("work/generate", "v001/comp"):
        whole, broken = (_hashes(folder / "out" / "tiny" / part) for folder in folders)
        assert whole == broken and len(whole) >= 13


@pytest.mark.parametrize("references", [False, True])
@pytest.mark.parametrize("mode", list(MODES))
def test_chained_windows_of_every_mode_are_the_stock_pipelines_by_hand(
    tmp_path: Path, mode: str, references: bool
) -> None:
    """The second window's first frame is put in by hand; what leads, is kept and is referred to is as it was shown."""
    # The stock pipeline takes no more references than the window has latents; the anchored world is one already.
    more = {"background": {"references": ["reference.png"]}} if references else {}
    _shot(tmp_path, mode, frames=13, match={"lock": "off", "register": "off"}, **more)
    assert run_vace(tmp_path) == 0
    first, second = (in_bytes(one) for one in TinyVace.shown)
    noises = [TinyVace.last[0]._networks.draw_noise(one, seed=seed) for seed, one in enumerate((first, second))]
    frames = _ours(first, noise=noises[0])
    assert np.abs(frames - _stock(first, noise=noises[0])).max() < 1e-4
    exact = _ours(TinyVace.shown[0], noise=noises[0])
    assert np.abs(np.stack([frame.rgb for frame in TinyVace.given[0]]) - exact).max() < 1e-6
    assert not second.mask[0].any()
    if mode != "remove":
        # A removed actor's carried frame has what the comp takes of the hole, and the plate beside it.
        plate, actor = TinyVace.plates[0][8]
        joined = plate + (1 - actor[..., None]) * (exact[8] - plate)
        assert np.abs(TinyVace.shown[1].video[0] - np.clip(joined, -1, 1)).max() < 1e-4
    assert np.abs(_ours(second, noise=noises[1]) - _stock(second, noise=noises[1])).max() < 1e-4


@pytest.mark.parametrize("carried", [1, 5])
def test_chained_windows_are_what_chaining_the_stock_pipeline_by_hand_makes(tmp_path: Path, carried: int) -> None:
    _make(tmp_path, "paint", frames=13, match={"lock": "off", "register": "off"},
          wan={"dtype": "float32", "steps": STEPS, "carried_frames": str(carried)})  # fmt: skip
    first, second = TinyVace.shown
    noises = [TinyVace.last[0]._networks.draw_noise(one, seed=seed) for seed, one in enumerate((first, second))]
    frames = _stock(first, noise=noises[0])
    assert np.abs(np.stack([frame.rgb for frame in TinyVace.given[0]]) - frames).max() < 1e-4
    video, mask = second.video.copy(), second.mask.copy()
    for index in range(carried):
        plate, actor = TinyVace.plates[0][9 - carried + index]
        world = frames[9 - carried + index]
        video[index], mask[index] = plate + (1 - actor[..., None]) * (world - plate), 0
    after = _stock(VaceWindow(np.clip(video, -1, 1), mask), noise=noises[1])
    new = np.stack([frame.rgb for frame in TinyVace.given[1]])[carried:]
    assert np.abs(new - after[carried : carried + len(new)]).max() < 1e-4


def test_an_anchor_is_what_a_draft_shows_and_its_frames_are_kept_whole(tmp_path: Path) -> None:
    _make(tmp_path, "anchor", background={"follow": "none"}, condition={"character": "card", "world_exposure": "keep"})
    shown = TinyVace.shown[0]
    kept = [index for index in range(FRAMES) if not shown.mask[index].any()]
    assert kept == [0, 1, FRAMES - 2, FRAMES - 1]
    anchor = exr.read_frame(tmp_path / "out" / "tiny" / "work" / "guide" / "anchor" / f"anchor.{FIRST}.exr").rgb
    assert run_vace(tmp_path, "--set", "generate.backend=draft", "--set", "generate.window_frames=9") == 0
    (path,) = (tmp_path / "out" / "tiny" / "v002" / "comp").glob(f"*.{FIRST}.exr")
    comp = exr.read_frame(path).rgb.astype(np.float32)
    small = to_model(comp, size=Size(anchor.shape[1], anchor.shape[0]))
    assert np.median(np.abs(small - anchor)) < 0.003 and np.percentile(np.abs(small - anchor), 99) < 0.05


def test_a_painted_anchor_is_shown_as_it_is(tmp_path: Path) -> None:
    _make(tmp_path, "anchor")
    path = tmp_path / "out" / "tiny" / "work" / "guide" / "anchor" / f"anchor.{FIRST}.exr"
    rgb = exr.read_frame(path).rgb.copy()
    rgb[:8] = 0.18
    box = Box(0, 0, rgb.shape[1], rgb.shape[0])
    exr.write_parts(path, [exr.Part("guide", rgb, ("R", "G", "B"))], data_window=box, display_window=box)
    before = TinyVace.shown[0].video[0].copy()
    TinyVace.forget()
    assert run_vace(tmp_path) == 0
    after = TinyVace.shown[0].video[0]
    assert len(np.unique(after[:8].reshape(-1, 3), axis=0)) == 1 and np.array_equal(after[8:], before[8:])


def test_a_guide_leads_where_the_actor_is_not(tmp_path: Path) -> None:
    ramps = _guide(tmp_path, FRAMES)
    make_vace_shot(tmp_path, frames=FRAMES, background={"mode": "guide", "guide": "guide/guide.####.png"})
    assert run_vace(tmp_path) == 0
    shown = TinyVace.shown[0]
    for index in range(FRAMES):
        size = Size(shown.video.shape[2], shown.video.shape[1])
        small = to_model(ramps[index].astype(np.float32), size=size) * 2 - 1
        there = shown.mask[index] > 0
        assert np.abs(shown.video[index][there] - small[there][:, None]).max() < 0.01


def test_depth_in_metres_is_refused_and_not_cut_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    background = {"mode": "guide", "guide": "guide/guide.####.exr"}
    make_vace_shot(tmp_path, frames=2, background=background)
    for index in range(2):
        depth = np.full((HEIGHT, WIDTH, 3), 7.5, np.float32)
        path = tmp_path / "shot" / "guide" / f"guide.{FIRST + index}.exr"
        path.parent.mkdir(exist_ok=True)
        exr.write_rgb(path, depth, data_window=Box(0, 0, WIDTH, HEIGHT))
    assert run_vace(tmp_path) == 2
    assert "from 0 to 1" in capsys.readouterr().err


def _st_map(path: Path, *, shift_px: float) -> None:
    s, t = np.meshgrid((np.arange(WIDTH) + 0.5 + shift_px) / WIDTH, 1 - (np.arange(HEIGHT) + 0.5) / HEIGHT)
    rgb = np.dstack([s, t, np.zeros_like(s)]).astype(np.float32)
    exr.write_rgb(path, rgb, data_window=Box(0, 0, WIDTH, HEIGHT))


def test_a_guide_is_distorted_onto_the_plate_and_maps_that_do_not_belong_together_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = {"path": "guide/guide.####.png", "redistort": "re.exr", "undistort": "un.exr"}
    _guide(tmp_path, FRAMES)
    make_vace_shot(tmp_path, frames=FRAMES, background={"mode": "guide", "guide": guide})
    _st_map(tmp_path / "shot" / "re.exr", shift_px=12)
    _st_map(tmp_path / "shot" / "un.exr", shift_px=-12)
    assert run_vace(tmp_path) == 0
    led = exr.read_frame(tmp_path / "out" / "tiny" / "work" / "guide" / "lead" / f"lead.{FIRST}.exr").rgb[..., 0]
    ramp = (np.arange(WIDTH) + 12) / 255
    want = to_model(np.tile(ramp, (HEIGHT, 1)).astype(np.float32), size=Size(led.shape[1], led.shape[0])) * 2 - 1
    assert np.abs(led - want)[:, :-6].max() < 0.01
    _st_map(tmp_path / "shot" / "un.exr", shift_px=12)
    assert run_vace(tmp_path) == 2
    assert "background.guide.undistort" in capsys.readouterr().err


def _lead(folder: Path, frame: int = FIRST) -> Array:
    return exr.read_frame(folder / "out" / "tiny" / "work" / "guide" / "lead" / f"lead.{frame}.exr").rgb[..., 0]


def test_a_render_that_holds_only_what_it_drew_lies_where_it_was_drawn(tmp_path: Path) -> None:
    make_vace_shot(tmp_path, frames=1, background={"mode": "guide", "guide": "guide/guide.####.exr"})
    drawn, whole = Box(60, 20, 150, 90), Box(0, 0, WIDTH, HEIGHT)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    picture[drawn.slices()] = np.linspace(0.4, 1, drawn.width)[:, None]
    (tmp_path / "shot" / "guide").mkdir()
    path = tmp_path / "shot" / "guide" / f"guide.{FIRST}.exr"
    exr.write_rgb(path, picture[drawn.slices()], data_window=drawn, display_window=whole)
    assert run_vace(tmp_path) == 0
    led = _lead(tmp_path)
    assert np.abs(led - to_model(picture, size=Size(led.shape[1], led.shape[0]))[..., 0] * 2 + 1).max() < 1e-5


def test_a_guide_of_the_plates_display_window_lies_on_it_and_not_on_its_overscan(tmp_path: Path) -> None:
    shot = make_vace_shot(tmp_path, frames=2, background={"mode": "guide", "guide": "guide/guide.####.png"})
    (ramp, *_) = _guide(tmp_path, 2)
    window, shown = Box(-16, -12, WIDTH + 16, HEIGHT + 12), Box(0, 0, WIDTH, HEIGHT)
    for index in range(2):
        rgb = np.pad(plate_pixels(index)[0], ((12, 12), (16, 16), (0, 0)), mode="edge")
        path = shot.parent / "plate" / f"tiny.{FIRST + index}.exr"
        exr.write_rgb(path, rgb, data_window=window, display_window=shown, attributes=plate_attributes(index))
    assert run_vace(tmp_path) == 0
    led, wanted = _lead(tmp_path), np.pad(ramp, ((12, 12), (16, 16))).astype(np.float32)
    assert np.abs(led - to_model(wanted, size=Size(led.shape[1], led.shape[0])) * 2 + 1).max() < 1e-5


def test_a_map_with_overscan_lies_on_the_plate_and_one_with_nan_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = {"path": "guide/guide.####.png", "redistort": "re.exr"}
    (ramp, *_) = _guide(tmp_path, 1)
    make_vace_shot(tmp_path, frames=1, background={"mode": "guide", "guide": guide})
    s, t = np.meshgrid((np.arange(WIDTH + 40) - 20 + 0.5) / WIDTH, 1 - (np.arange(HEIGHT + 20) - 10 + 0.5) / HEIGHT)
    st_map = np.dstack([s, t, np.zeros_like(s)]).astype(np.float32)
    windows = {"data_window": Box(-20, -10, WIDTH + 20, HEIGHT + 10), "display_window": Box(0, 0, WIDTH, HEIGHT)}
    exr.write_rgb(tmp_path / "shot" / "re.exr", st_map, **windows)
    assert run_vace(tmp_path) == 0
    led = _lead(tmp_path)
    assert np.abs(led - to_model(ramp.astype(np.float32), size=Size(led.shape[1], led.shape[0])) * 2 + 1).max() < 1e-3
    st_map[5, 5] = np.nan
    exr.write_rgb(tmp_path / "shot" / "re.exr", st_map, **windows)
    assert run_vace(tmp_path) == 2
    assert "background.guide.redistort" in capsys.readouterr().err


@pytest.mark.parametrize(("background", "key"), [
    ({"mode": "anchor", "path": None}, "background.path"), ({"mode": "guide"}, "background.guide"),
    ({"path": None, "prompt": ""}, "background.path"),
    ({"mode": "guide", "guide": {"path": "g.png", "undistort": "un.exr"}}, "background.guide.undistort"),
    ({"mode": "dream"}, "background.mode"),
])  # fmt: skip
def test_what_a_mode_lacks_is_told_by_its_key(
    tmp_path: Path, background: dict[str, Any], key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_vace_shot(tmp_path, frames=1, background=background)
    assert run_vace(tmp_path) == 2
    assert key in capsys.readouterr().err


@pytest.fixture(scope="module")
def removed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("removed")
    TinyVace.forget()
    TinyVace.knows_plate = True
    make_vace_shot(folder, frames=FRAMES, background={"mode": "remove", "path": None, "prompt": ""})
    assert run_vace(folder) == 0
    return folder


def _layers(version: Path, frame: int) -> dict[str, Array]:
    (path,) = (version / "comp").glob(f"*.{frame}.exr")
    parts, _header = exr.read_parts(path)
    return {name: np.stack(list(part.planes.values()), axis=2) for name, part in parts.items()}


def test_a_removed_actor_is_drawn_over_and_all_else_is_the_plates_bits(removed: Path) -> None:
    version = removed / "out" / "tiny" / "v001"
    assert main(["verify", str(version)]) == 0
    for index in (0, 4, FRAMES - 1):
        layers, (plate, box) = _layers(version, FIRST + index), plate_pixels(index)
        assert not layers["matte_character"].any()
        edited = layers["matte_edit"][..., 0] > 0
        assert edited[box.slices()].all() and edited.mean() < 0.5
        assert layers["rgba"][~edited][:, :3].tobytes() == plate[~edited].tobytes()
        assert (layers["rgba"][box.slices()][..., :3] != plate[box.slices()]).any(axis=2).mean() > 0.95


def test_a_hole_is_grey_for_the_model_and_holds_all_that_the_comp_takes(removed: Path) -> None:
    work = removed / "out" / "tiny" / "work"
    for frame in range(FIRST, FIRST + FRAMES):
        hole = read_still(work / "guide" / "mask" / f"mask.{frame}.png").pixels[..., 0]
        edit = _layers(removed / "out" / "tiny" / "v001", frame)["matte_edit"][..., 0].astype(np.float32)
        taken = to_model(edit, size=Size(hole.shape[1], hole.shape[0]))
        assert (hole[taken > 0.05] > 0.5).all() and 0 < hole.mean() < 0.8


def test_without_a_model_the_removed_actors_place_shows_what_other_frames_saw(removed: Path) -> None:
    assert run_vace(removed, "--set", "generate.backend=draft", "--set", "generate.window_frames=9") == 0
    version = removed / "out" / "tiny" / "v002"
    assert main(["verify", str(version)]) == 0
    layers, (_plate, box) = _layers(version, FIRST), plate_pixels(0)
    truth = wall()[:, :WIDTH][box.slices()]
    assert np.median(np.abs(layers["rgba"][box.slices()][..., :3] - truth)) < 0.05
