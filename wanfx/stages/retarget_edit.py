"""Actor and character posed alike by an image editor, so that their limbs can be compared: for `animate`.

Of each a picture and the pose found in it lie in ``work/drive/retarget`` (``actor.png``, ``actor.json``,
``character.png``, ``character.json``); all four are editable. The pictures are 8-bit: they are only measured. Each
shows the figure with room for arms stretched out, so that a small one is edited large.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from wanfx.backends.image_edit import edit_picture, editor_card
from wanfx.backends.protocols import ModelCard
from wanfx.backends.registry import find_pose_estimator
from wanfx.errors import NothingFoundError, ShotError
from wanfx.frames import Box, Size
from wanfx.io import exr
from wanfx.io.pose_file import check_pose_size, read_poses, write_poses
from wanfx.io.stills import read_still, write_picture
from wanfx.ops.card import SubjectMeasure
from wanfx.ops.crop import model_size, to_model
from wanfx.ops.cutout import character_box
from wanfx.ops.edit_prompts import Shown, edit_prompt, shown_limbs
from wanfx.ops.pose import Pose, empty_pose
from wanfx.ops.sizes import canvas_size
from wanfx.ops.skeleton import Skeleton, make_skeleton
from wanfx.ops.skeleton_limbs import known_limbs, known_points
from wanfx.pixels import to_finite
from wanfx.stages.context import Made, RunContext, StageProgress, paintable, stage_key
from wanfx.stages.ingest import Ingested
from wanfx.stages.reference import Reference, read_whole
from wanfx.stages.refine import Refined
from wanfx.units import Unit
from wanfx_color.transforms import to_linear_rec709, to_srgb_display

STAGE = "retarget_edit"
VERSION = 1
Side = Literal["actor", "character"]
Array = npt.NDArray[np.float32]
_ABOVE, _BESIDE = 0.1, 0.5
"""Room around a figure, as parts of its height: with arms out it is as wide as it is tall."""


@dataclass(frozen=True, eq=False)
class EditedPair:
    """Actor's and character's skeletons in their edited pictures, in square pixels; None where one shows nobody, and
    ``why_none`` says which. ``facts`` are the frame, the parts of the two pictures, what was asked for, and which files
    were painted.
    """

    skeletons: tuple[Skeleton, Skeleton] | None
    why_none: str
    facts: Mapping[str, Any]
    models: tuple[ModelCard, ...]


@dataclass(frozen=True, eq=False)
class _Figure:
    """Who is edited: the ``part`` of his picture (``square`` is its size in square pixels) and what it depends on.

    ``read`` gives the part, display sRGB (H, W, 3) at ``size``.
    """

    side: Side
    part: Box
    square: Size
    size: Size
    prompt: str
    key: list[Any]
    read: Callable[[], Array]


def edit_pair(
    run: RunContext, ingested: Ingested, refined: Refined, reference: Reference, *, actor: Mapping[int, Skeleton],
    frame: int, area_px: int,
) -> EditedPair:  # fmt: skip
    """The ``actor`` of one ``frame`` and the ``reference``'s character, edited in pictures of about ``area_px``.

    What they are asked to do hangs on the limbs that the actor's skeletons show in any frame. Raises MissingError where
    the editor's weights or the pose estimator's are not there, ShotError for an edited file that does not fit.
    """
    shown = shown_limbs(actor.values())
    figures = (
        _actor(run, ingested, refined, actor[frame], frame=frame, shown=shown, area_px=area_px),
        _character(run, ingested, reference, shown=shown, area_px=area_px),
    )
    facts: dict[str, Any] = {
        "frame": frame,
        "parts": {one.side: one.part.as_list() for one in figures},
        "prompts": {one.side: one.prompt for one in figures},
        "painted": [],
    }
    with run.stage(STAGE, units=2 * len(figures)) as progress:
        found = [_find(run, progress, one, facts) for one in figures]
    models = (editor_card(), *find_pose_estimator(run.options.pose).models)
    missing = [one.side for one, skeleton in zip(figures, found, strict=True) if not _shows_limbs(skeleton)]
    if missing:
        why = f"nobody is found in the edited picture of the {' and the '.join(missing)}"
        return EditedPair(None, why, facts, models)
    return EditedPair((found[0], found[1]), "", facts, models)


def figure_part(figure: Box, *, picture: Size) -> Box:
    """The part of a picture that is edited: the ``figure``'s box with room for its arms; all where it is not there.

    >>> figure_part(Box(40, 20, 60, 80), picture=Size(200, 100))
    Box(x0=10, y0=14, x1=90, y1=86)
    """
    whole = Box(0, 0, picture.width, picture.height)
    figure = figure.clip(whole)
    if figure.is_empty:
        return whole
    across, down = round(_BESIDE * figure.height), round(_ABOVE * figure.height)
    return Box(figure.x0 - across, figure.y0 - down, figure.x1 + across, figure.y1 + down).clip(whole)


def _shows_limbs(skeleton: Skeleton) -> bool:
    return bool(known_limbs(known_points(skeleton, mode="gated")).any())


def _actor(
    run: RunContext, ingested: Ingested, refined: Refined, skeleton: Skeleton, *, frame: int, shown: Shown, area_px: int
) -> _Figure:
    plate, stops = ingested.plate, ingested.exposure_stops
    measure = SubjectMeasure(**refined.measures[frame])
    figure = _points_box(skeleton, across=plate.canvas.width / skeleton.size.width)
    # A matte may lack a head that the pose has.
    figure = figure.union(Box(*measure.box)) if measure.is_there else figure
    part = figure_part(figure, picture=plate.canvas.size)
    square = model_size(part, pixel_aspect=plate.pixel_aspect)
    size = canvas_size(square, area_px=area_px)

    def read() -> Array:
        rgb = to_finite(exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame).rgb)
        return _show(run, rgb[part.slices()], plate.color_space, size=size, exposure_stops=stops)

    key = [ingested.keys[frame], part.as_list(), plate.pixel_aspect, plate.color_space, stops]
    return _Figure("actor", part, square, size, edit_prompt(shown, size=size), key, read)


def _points_box(skeleton: Skeleton, *, across: float) -> Box:
    """Around the body's sure points, whose pixels are ``across`` wide."""
    points = skeleton.body[known_points(skeleton, mode="gated"), :2] * (across, 1)
    (x0, y0), (x1, y1) = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    return Box(int(x0), int(y0), int(x1), int(y1))


def _character(run: RunContext, ingested: Ingested, reference: Reference, *, shown: Shown, area_px: int) -> _Figure:
    space = ingested.plate.color_space
    whole, digest = read_whole(run, plate_space=space)
    part = figure_part(character_box(reference.rgba[..., 3]), picture=Size(whole.shape[1], whole.shape[0]))
    size = canvas_size(part.size, area_px=area_px)
    read = partial(_show, run, whole[part.slices()], space, size=size, exposure_stops=0.0)
    return _Figure("character", part, part.size, size, edit_prompt(shown, size=size), [digest, part.as_list()], read)


def _show(run: RunContext, linear: Array, space: str, *, size: Size, exposure_stops: float) -> Array:
    small = to_model(np.array(linear, np.float32, order="C"), size=size)
    return to_srgb_display(to_linear_rec709(run.color, space)(small), exposure_stops=exposure_stops)


def _find(run: RunContext, progress: StageProgress, figure: _Figure, facts: dict[str, Any]) -> Skeleton:
    """The figure's skeleton in its edited picture, on a canvas of the part's square pixels."""
    path = run.work / "drive" / "retarget" / f"{figure.side}.png"
    picture, sha256 = _edited(run, progress, figure, path, facts)
    pose = _pose(run, progress, figure, path.with_suffix(".json"), (picture, sha256), facts)
    # The edit's sides are multiples of 16: a stretch of some pixels is undone.
    pose = pose.scaled(figure.square.width / figure.size.width, figure.square.height / figure.size.height)
    return make_skeleton(np.column_stack([pose.xy, pose.confidence]), size=figure.square)


def _edited(
    run: RunContext, progress: StageProgress, figure: _Figure, path: Path, facts: dict[str, Any]
) -> tuple[Array, str]:
    """The edited picture, display sRGB (H, W, 3), and its hash."""
    seed, folder = run.options.generate.seed, paintable(run, "drive/retarget")
    key = stage_key(
        STAGE, VERSION, figure.side, figure.key, figure.prompt, seed, asdict(figure.size), asdict(editor_card()),
        run.color.sha256,
    )  # fmt: skip

    def draw(target: Path) -> None:
        made = edit_picture([figure.read()], prompt=figure.prompt, seed=seed, key="condition.retarget", instead="auto")
        write_picture(target, np.asarray(np.rint(np.clip(made, 0, 1) * 255), np.uint8), durable=False)

    record = progress.make(Unit(STAGE, figure.side, key), lambda: _made(path, folder.write(path, draw)))
    facts["painted"] += [path.name] if record.facts["painted"] else []
    picture = read_still(path).pixels
    if picture.shape[:2] != (figure.size.height, figure.size.width):
        raise ShotError(
            f"is {picture.shape[1]}x{picture.shape[0]}, the edited picture is {figure.size}", key=STAGE, path=path,
            remedy="paint it in the size of the file that was made, or remove it and it is made anew",
        )  # fmt: skip
    return np.asarray(picture, np.float32), next(iter(record.files.values()))


def _pose(
    run: RunContext, progress: StageProgress, figure: _Figure, path: Path, edited: tuple[Array, str],
    facts: dict[str, Any],
) -> Pose:  # fmt: skip
    """The figure's pose in its edited picture; empty where nobody is found there."""
    estimator, folder = find_pose_estimator(run.options.pose), paintable(run, "drive/retarget")
    picture, sha256 = edited
    cards = [asdict(card) for card in estimator.models]
    key = stage_key(STAGE, VERSION, figure.side, sha256, estimator.name, cards, estimator.settings)

    def draw(target: Path) -> None:
        estimator.load()
        try:
            pose = estimator.find(picture, alpha=np.ones(picture.shape[:2], np.float32))
        except NothingFoundError:
            pose = empty_pose()
        write_poses(target, {0: pose}, size=figure.size)

    record = progress.make(Unit(STAGE, f"{figure.side}_pose", key), lambda: _made(path, folder.write(path, draw)))
    facts["painted"] += [path.name] if record.facts["painted"] else []
    poses, of = read_poses(path, key=STAGE)
    check_pose_size(of, figure.size, key=STAGE, path=path)
    return poses[min(poses)]


def _made(path: Path, sha256: str | None) -> Made:
    return Made((path,), {"painted": sha256 is None})
