"""A subject's mattes as one picture to look at: the plate, the alpha, the subject over grey and over magenta."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.images import Plate
from wanfx.io import exr, stills
from wanfx.io.movie_write import draw_burn_in
from wanfx.ops.card import SubjectMeasure
from wanfx.ops.decontaminate import own_colors
from wanfx.ops.edges import bounding_box
from wanfx.ops.motion import sample_frames
from wanfx.pixels import to_finite
from wanfx.stages.ingest import Ingested
from wanfx.stages.refine import Refined
from wanfx.stages.view import choose_view, picture_size, show
from wanfx_color.configs import ColorConfig
from wanfx_color.transforms import DisplayConverter

Array = npt.NDArray[np.float32]
_FRAMES, _WIDTH_PX = 8, 480
_GREY, _MAGENTA = (0.18, 0.18, 0.18), (0.6, 0.02, 0.5)


def draw_sheet(path: Path, ingested: Ingested, refined: Refined, *, color: ColorConfig) -> None:
    """Write the sheet as PNG, display-encoded: a row a frame, up to eight frames, close to the subject."""
    plate = ingested.plate
    display = choose_view(
        color, plate_space=plate.color_space, source_space=plate.source_color_space, display=None, view=None
    )
    frames = sample_frames(list(plate.frames), count=_FRAMES)
    rows = [_row(plate, refined, frame, box=_around(plate, refined), display=display) for frame in frames]
    stills.write_picture(path, np.rint(np.concatenate(rows) * 255).astype(np.uint8))


def _around(plate: Plate, refined: Refined) -> Box:
    """What holds the subject in all frames, with some room."""
    whole = Box(0, 0, plate.canvas.width, plate.canvas.height)
    boxes = [Box(*measure["box"]) for measure in refined.measures.values() if SubjectMeasure(**measure).is_there]
    if not boxes:
        return whole
    box = boxes[0]
    for other in boxes[1:]:
        box = box.union(other)
    return box.grow(round(0.1 * max(box.width, box.height))).clip(whole)


def _row(plate: Plate, refined: Refined, frame: int, *, box: Box, display: DisplayConverter) -> Array:
    linear = to_finite(exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame).rgb)
    alpha = np.clip(exr.read_matte(refined.matte.path(frame), canvas=plate.canvas), 0, 1)
    linear, alpha = linear[box.slices()], np.ascontiguousarray(alpha[box.slices()])
    own = own_colors(np.ascontiguousarray(linear), alpha) if not bounding_box(alpha).is_empty else linear
    share = alpha[..., None]
    looks = [
        linear, np.repeat(share, 3, axis=2),
        *(own * share + np.array(behind, np.float32) * (1 - share) for behind in (_GREY, _MAGENTA)),
    ]  # fmt: skip
    size = picture_size(box, pixel_aspect=plate.pixel_aspect, width_px=_WIDTH_PX)
    here = Box(0, 0, box.width, box.height)
    shown = [show(look, data_window=here, display_window=here, size=size, display=display) for look in looks]
    # Alpha is no light: it is shown as it is.
    shown[1] = np.asarray(cv2.resize(looks[1], (size.width, size.height), interpolation=cv2.INTER_AREA), np.float32)
    return np.concatenate([draw_burn_in(shown[0], [str(frame)]), *shown[1:]], axis=1)
