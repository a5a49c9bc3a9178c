"""Comp frames of a generator that changes the background it is given: shadow, reveal, ceiling; and what stays."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.backends.fake import FakeGenerator
from wanfx.delivery import ShotFolder
from wanfx.events import EventLog
from wanfx.frames import Box, FrameRange
from wanfx.images import FramePattern, Matte, Plate
from wanfx.io import exr
from wanfx.ops.comp import Mattes, composite
from wanfx.ops.grain import NO_GRAIN, GrainCurve, GrainModel
from wanfx.ops.grain_frames import Grain
from wanfx.ops.sharpness import Sharpness
from wanfx.options import Options
from wanfx.shot import parse_shot
from wanfx.stages.clean import write_clean
from wanfx.stages.comp_frame import CompMaker, FinishInputs
from wanfx.stages.conditioning import Conditioning
from wanfx.stages.context import RunContext
from wanfx.stages.generate import Generated
from wanfx.stages.refine import write_canvas_matte
from wanfx_color.configs import load_config
from wanfx_color.model_space import ModelSpace

Array = npt.NDArray[np.float32]
CANVAS = Box(0, 0, 240, 180)
FRAME = 1001
STOPS = 1.5


class _Painter(FakeGenerator):
    """A generator that says whether it keeps the background; its frames are drawn here."""

    def __init__(self, *, keeps_background: bool) -> None:
        self.keeps_background = keeps_background


def _blob(x: float, y: float, rx: float, ry: float) -> Array:
    v, u = np.mgrid[0 : CANVAS.height, 0 : CANVAS.width].astype(np.float32)
    return np.asarray(np.clip((1 - np.hypot((u - x) / rx, (v - y) / ry)) * rx / 2, 0, 1), np.float32)


def _shade() -> Array:
    v, u = np.mgrid[0 : CANVAS.height, 0 : CANVAS.width].astype(np.float32)
    return np.asarray(np.exp(-(((u - 130) / 36) ** 2) - ((v - 140) / 9) ** 2)[..., None], np.float32)


def _plate() -> Array:
    random = np.random.default_rng(8)
    rgb = np.full((CANVAS.height, CANVAS.width, 3), 0.2, np.float32)
    for cell in (3, 20):
        noise = random.uniform(-0.06, 0.06, (CANVAS.height // cell + 2, CANVAS.width // cell + 2, 3))
        rgb += cv2.resize(noise.astype(np.float32), (CANVAS.width, CANVAS.height), interpolation=cv2.INTER_CUBIC)
    rgb[5, 5], rgb[6, 6] = 200.0, -0.05
    rgb[130:134, 60:64] = 90.0
    return rgb


def _make(
    folder: Path, *, light: Array | None = None, clean: Array | None = None, reveal: float = 0.0,
    keeps_background: bool = False, options: Sequence[tuple[str, Any]] = (), grain: Grain | None = None,
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:  # fmt: skip
    """A comp frame's parts and facts. ``light`` is what the generator made, plate-linear; the plate if not given."""
    plate = Plate(
        pattern=FramePattern(str(folder / "plate.####.exr")), frames=FrameRange(FRAME, FRAME), canvas=CANVAS,
        display_window=CANVAS, pixel_aspect=1.0, color_space="ACEScg", pixel_type="half", fps=Fraction(24),
        timecode=None, source="plate", source_color_space="ACEScg", color_space_from="the shot",
    )  # fmt: skip
    crop, space, color = Box(20, 10, 220, 170), ModelSpace(STOPS), load_config()
    hashes = {FRAME: ""}
    conditioning = Conditioning(
        plate=plate, size=crop.size, crops={FRAME: crop}, space=space,
        background=FramePattern(str(folder / "clean.####.exr")), background_hashes=hashes, character=None, key="",
    )  # fmt: skip
    bridge, rgb = conditioning.bridge(color), _plate()
    exr.write_rgb(plate.path(FRAME), rgb.astype(np.float16), data_window=CANVAS)
    fill = (rgb if clean is None else clean).astype(np.float16)
    write_clean(conditioning.background.path(FRAME), fill, np.ones(rgb.shape[:2], np.float32), plate=plate)
    mattes = {"old": _blob(95, 80, 20, 50), "new": _blob(130, 85, 24, 52)}
    for name, matte in mattes.items():
        write_canvas_matte(folder / f"{name}.{FRAME}.exr", matte, plate=plate)
    given = rgb.astype(np.float16).astype(np.float32) if light is None else light
    model = bridge.encode(np.ascontiguousarray(given[crop.slices()]))
    box = Box(0, 0, crop.width, crop.height)
    generated = FramePattern(str(folder / "gen.####.exr"))
    part = exr.Part("model_space", np.minimum(model, 1), ("R", "G", "B"))
    exr.write_parts(generated.path(FRAME), [part], data_window=box, display_window=box)
    shot = parse_shot({"name": "t", "task": "replace", "plate": "plate.####.exr", "reference": "none.png"})
    place = ShotFolder.of(folder, shot="t")
    cancellation: Any = None
    run = RunContext(
        shot, Options().with_values(dict(options), source="flag"), place, place.in_progress(), color,
        EventLog(folder / "events.jsonl", run="t"), cancellation,
    )  # fmt: skip
    old, new = (Matte(name, FramePattern(str(folder / f"{name}.####.exr")), plate.frames) for name in mattes)
    inputs = FinishInputs(
        conditioning=conditioning, bridge=bridge, old=old, old_hashes=hashes, new=new, new_hashes=hashes,
        generated=Generated(
            generated, hashes, {FRAME: {"plate_error": 0.0}}, _Painter(keeps_background=keeps_background)
        ),
        confidence={}, plate_hashes=hashes, layer="subject", provenance={}, reveal={FRAME: reveal},
        grain=grain or Grain({}, {}),
    )  # fmt: skip
    facts = CompMaker(run, inputs).make(FRAME, folder / "comp.exr")
    parts, _header = exr.read_parts(folder / "comp.exr")
    run.events.close()
    stacked = {}
    for name, one in parts.items():
        pixels = np.stack(one.pixels, axis=2) if isinstance(one.pixels, tuple) else one.pixels
        stacked[name] = pixels if pixels.ndim == 3 else pixels[..., None]
    return stacked, facts


def _rebuilt(parts: dict[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """The comp from the delivered layers and the plate."""
    mattes = Mattes(*(parts[f"matte_{name}"][..., 0] for name in ("character", "reveal", "edit")))
    return composite(
        _plate().astype(np.float16), char=parts["char_subject"], clean=parts["clean"], mattes=mattes,
        shadow=parts["shadow"],
    )  # fmt: skip


def test_a_generator_that_changes_nothing_makes_the_same_bits_with_and_without_looking_for_a_shadow(
    tmp_path: Path,
) -> None:
    made = []
    for name, keeps, asked in (("a", False, "auto"), ("b", True, "auto"), ("c", False, "off")):
        (tmp_path / name).mkdir()
        parts, facts = _make(tmp_path / name, keeps_background=keeps, options=[("finish.shadow", asked)])
        made.append(parts)
        assert facts["shadow_pixels"] == 0
        assert (parts["shadow"] == 1).all()
    for name in made[0]:
        assert made[0][name].tobytes() == made[1][name].tobytes() == made[2][name].tobytes(), name


def test_a_shadow_that_was_generated_is_laid_on_the_plate_and_nothing_else_is_touched(tmp_path: Path) -> None:
    plate = _plate().astype(np.float16).astype(np.float32)
    parts, facts = _make(tmp_path, light=plate * (1 - 0.6 * _shade()))
    edit, shadow = parts["matte_edit"][..., 0], parts["shadow"]
    kept = edit == 0
    assert parts["rgba"][..., :3][kept].tobytes() == _plate().astype(np.float16)[kept].tobytes()
    assert kept.mean() > 0.4
    assert (edit[(shadow != 1).any(axis=2)] > 0).all()
    people = (parts["matte_character"] > 0) | (parts["matte_reveal"] > 0)
    assert ((edit > 0) == (people[..., 0] | (shadow != 1).any(axis=2))).all()
    assert facts["shadow_pixels"] > 500
    np.testing.assert_array_equal(_rebuilt(parts), parts["rgba"][..., :3])
    where = (_shade()[..., 0] > 0.3) & ~people[..., 0]
    wanted = (plate * (1 - 0.6 * _shade()))[where]
    dropped = np.abs(np.log2(plate[where] / wanted)).mean()
    assert np.abs(np.log2(parts["rgba"][..., :3].astype(np.float32)[where] / wanted)).mean() < 0.4 * dropped


def test_the_plates_highlights_survive_where_it_is_kept_and_where_it_is_mixed(tmp_path: Path) -> None:
    plate = _plate().astype(np.float16).astype(np.float32)
    parts, _facts = _make(tmp_path, light=plate * (1 - 0.6 * _shade()))
    comp = parts["rgba"][..., :3]
    np.testing.assert_array_equal(comp[5, 5], np.array([200, 200, 200], np.float16))
    np.testing.assert_array_equal(comp[6, 6], np.array([-0.05, -0.05, -0.05], np.float16))
    shadow = parts["shadow"][131:133, 61:63].astype(np.float32)
    np.testing.assert_allclose(comp[131:133, 61:63].astype(np.float32), 90 * shadow, rtol=2e-3)


def test_the_gain_dials_the_shadow_and_off_drops_it(tmp_path: Path) -> None:
    light = _plate().astype(np.float16).astype(np.float32) * (1 - 0.6 * _shade())
    least = []
    for name, gain in (("none", 0), ("half", 0.5), ("full", 1)):
        (tmp_path / name).mkdir()
        parts, _facts = _make(tmp_path / name, light=light, options=[("finish.shadow_gain", gain)])
        least.append(float(parts["shadow"].min()))
    assert least[0] == 1
    assert least[0] > least[1] > least[2]


@pytest.mark.parametrize("exposure_of_lamp", [0.5, 3.0])
def test_the_ceiling_is_marked_where_the_character_met_it_and_only_there(
    tmp_path: Path, exposure_of_lamp: float
) -> None:
    light = _plate()
    lamp = ModelSpace(STOPS).ceiling * exposure_of_lamp
    light[80:90, 125:135] = lamp
    parts, facts = _make(tmp_path, light=light)
    marked = parts["check_ceiling"][..., 0] > 0
    wanted = np.zeros_like(marked)
    if exposure_of_lamp > 1:
        wanted[80:90, 125:135] = True
    np.testing.assert_array_equal(marked, wanted)
    assert facts["ceiling_pixels"] == wanted.sum()


def test_light_goes_to_model_space_and_back_with_the_shots_exposure(tmp_path: Path) -> None:
    light = _plate()
    light[60:100, 120:140] *= np.geomspace(0.01, 60, 40, dtype=np.float32)[:, None, None]
    parts, _facts = _make(tmp_path, light=light)
    solid = parts["matte_character"][..., 0] == 1
    got = parts["rgba"][..., :3].astype(np.float32)[solid]
    np.testing.assert_allclose(got, light[solid], rtol=2e-3, atol=1e-5)


def test_highlights_are_expanded_only_when_asked_and_the_facts_say_so(tmp_path: Path) -> None:
    light = _plate()
    light[80:90, 125:135] = 2 * ModelSpace(STOPS).ceiling
    brightest = {}
    for asked in ("off", "expand"):
        (tmp_path / asked).mkdir()
        parts, facts = _make(tmp_path / asked, light=light, options=[("finish.highlights", asked)])
        brightest[asked] = float(parts["rgba"][85, 130, :3].max())
        assert facts["highlights"] == asked
    np.testing.assert_allclose(brightest["off"], ModelSpace(STOPS).ceiling, rtol=3e-3)
    np.testing.assert_allclose(brightest["expand"], 4 * brightest["off"], rtol=3e-3)


def test_the_generated_background_is_shown_where_it_is_chosen_and_the_clean_layer_holds_it(tmp_path: Path) -> None:
    plate = _plate().astype(np.float16).astype(np.float32)
    light = plate * np.float32(0.5)
    parts, facts = _make(tmp_path, light=light, reveal=1.0, options=[("finish.shadow", "off")])
    assert facts["reveal_generated"] == 1.0
    comp = parts["rgba"][..., :3].astype(np.float32)
    np.testing.assert_allclose(comp[60:100, 80:90], light[60:100, 80:90], rtol=2e-3)
    np.testing.assert_array_equal(_rebuilt(parts), parts["rgba"][..., :3])
    kept = parts["matte_edit"][..., 0] == 0
    assert parts["rgba"][..., :3][kept].tobytes() == _plate().astype(np.float16)[kept].tobytes()


def test_a_generated_background_that_is_off_is_feathered_into_the_plate_inside_the_edit_matte(tmp_path: Path) -> None:
    plate = _plate().astype(np.float16).astype(np.float32)
    parts, _facts = _make(tmp_path, light=plate * np.float32(0.5), reveal=1.0, options=[("finish.shadow", "off")])
    row = 80
    ratio = (parts["rgba"][row, :, :3].astype(np.float32) / plate[row]).mean(axis=1)
    edited = np.flatnonzero(parts["matte_edit"][row, :, 0])
    left = ratio[edited[0] : 80]
    assert left[0] > 0.98 and left[-1] < 0.51
    assert (np.diff(left) < 5e-3).all() and np.diff(left).min() > -0.5 * 1.7 / 12


def _grain(*, own_char: float, own_clean: float) -> Grain:
    curve = GrainCurve((0.05, 0.5), (0.02, 0.02))
    model = GrainModel((curve,) * 3, NO_GRAIN.mix, NO_GRAIN.correlation)
    record = {"model": model.as_dict(), "seed": 3, "amount": 1.0, "subject": "subject"}
    fact = {"model": "fine", "own_char": [own_char] * 3, "own_clean": [own_clean] * 3}
    return Grain({"fine": record}, {FRAME: fact})


@pytest.mark.parametrize(("lacking", "own_char", "own_clean"), [("character", 0.0, 1.0), ("reveal", 1.0, 0.0)])
def test_character_and_clean_plate_each_get_the_grain_they_lack_and_the_layers_have_none(
    tmp_path: Path, lacking: str, own_char: float, own_clean: float
) -> None:
    made = {}
    for name, grain in (("none", None), ("grain", _grain(own_char=own_char, own_clean=own_clean))):
        (tmp_path / name).mkdir()
        made[name], _facts = _make(tmp_path / name, keeps_background=True, grain=grain)
    plain, grained = made["none"], made["grain"]
    added = grained["rgba"][..., :3].astype(np.float32) - plain["rgba"][..., :3].astype(np.float32)
    mattes = {name: plain[f"matte_{name}"][..., 0] for name in ("character", "reveal", "edit")}
    places = {"character": mattes["character"] == 1, "reveal": (mattes["reveal"] == 1) & (mattes["character"] == 0)}
    for name, place in places.items():
        if name == lacking:
            np.testing.assert_allclose(added[place].std(axis=0), 0.02, rtol=0.15)
        else:
            assert not added[place].any()
    assert grained["rgba"][mattes["edit"] == 0].tobytes() == plain["rgba"][mattes["edit"] == 0].tobytes()
    assert all(grained[name].tobytes() == plain[name].tobytes() for name in plain if name != "rgba")


def test_a_character_that_is_softer_than_the_plate_is_sharpened_where_that_was_asked_for_and_nothing_else(
    tmp_path: Path,
) -> None:
    made = {}
    soft = Sharpness((0.1, 0.2, 0.3), (0.9, 0.7, 0.5), 1.0, 1.0, 1.0)
    for name, grain in (("as it is", None), ("sharp", Grain({}, {}, sharpness={FRAME: soft}))):
        (tmp_path / name).mkdir()
        made[name], _facts = _make(tmp_path / name, keeps_background=True, grain=grain)
    contrasts = []
    for parts in made.values():
        light, solid = parts["rgba"][..., 0].astype(np.float32), parts["matte_character"][..., 0] == 1
        contrasts.append(
            float(np.abs(cv2.Laplacian(light, cv2.CV_32F))[cv2.erode(solid.astype(np.uint8), None) > 0].mean())
        )
    assert contrasts[1] > 1.1 * contrasts[0]
    plain, sharp = (parts["rgba"][parts["matte_character"][..., 0] == 0] for parts in made.values())
    assert plain.tobytes() == sharp.tobytes()
