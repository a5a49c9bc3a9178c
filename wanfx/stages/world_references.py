"""The pictures that a prompted video model is shown of the new world, each on a canvas of its size, in model space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from wanfx.errors import BadPixelsError
from wanfx.frames import Size
from wanfx.io.atomic import sha256_file
from wanfx.keys import make_key
from wanfx.ops.reference_canvas import cover_canvas, find_white, fit_on_white, on_white
from wanfx.shot import Shot
from wanfx.stages.context import RunContext
from wanfx.stages.source import Source, Wanted, open_source
from wanfx_color.configs import ColorConfig
from wanfx_color.model_space import ModelSpace
from wanfx_color.transforms import encode_srgb, to_linear_rec709

VERSION = 2
Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class WorldReferences:
    """Pictures (H, W, 3) in model space, in the order in which the model sees them, and a hash of all."""

    pictures: tuple[Array, ...]
    sha256: str


def read_references(run: RunContext, *, size: Size, space: ModelSpace) -> WorldReferences:
    """The new background itself fills the canvas; the other pictures lie whole on white. Raises as `open_source`."""
    pictures, hashes, spaces = [], [], []
    for source, fills in open_references(run.shot, color=run.color):
        first = source.frames.first
        hashes.append(sha256_file(source.path if source.kind == "movie" else source.file(first)))
        spaces.append(source.space.name)
        covers = cover_canvas(read_model(run, source, space=space), size=size) if fills else None
        pictures.append(np.clip(_whole(run, source, space, size) if covers is None else covers, -1, 1))
    content = [VERSION, hashes, spaces, asdict(size), space.exposure_stops, run.color.sha256]
    return WorldReferences(tuple(pictures), make_key(*content))


def _whole(run: RunContext, source: Source, space: ModelSpace, size: Size) -> Array:
    """A picture whole on the canvas. What was cut out has the canvas's own white around it, which no light is."""
    encoded, alpha = source.read_straight()
    linear = _to_rec709(run, source, encoded)
    alpha = find_white(encode_srgb(linear)) if alpha is None else alpha
    model = space.encode(linear)
    return fit_on_white(model if alpha is None else on_white(model, alpha), size=size)


def open_references(shot: Shot, *, color: ColorConfig) -> Iterator[tuple[Source, bool]]:
    """The pictures as they were given, and whether each is to fill the frame. Raises what is wrong with one."""
    given = shot.background
    assert given is not None
    if given.path is not None:
        wanted = Wanted(key="background", path=shot.resolve(given.path), colorspace=given.colorspace)
        yield open_source(wanted, color=color), True
    for index, path in enumerate(given.references):
        key = f"background.references[{index}]"
        yield open_source(Wanted(key=key, path=shot.resolve(path), colorspace=None), color=color), False


def read_model(run: RunContext, source: Source, *, space: ModelSpace) -> Array:
    """A source's first picture in model space."""
    _number, encoded = next(iter(source.read()))
    return encode_model(run, source, encoded, space=space)


def encode_model(run: RunContext, source: Source, encoded: npt.NDArray[np.float32], *, space: ModelSpace) -> Array:
    """A source's pixels (H, W, 3) in model space. Raises BadPixelsError for NaN or Inf."""
    return space.encode(_to_rec709(run, source, encoded))


def _to_rec709(run: RunContext, source: Source, encoded: npt.NDArray[np.float32]) -> Array:
    linear = to_linear_rec709(run.color, source.space.name)(np.array(encoded, np.float32, order="C"))
    if not np.isfinite(linear).all():
        raise BadPixelsError("has NaN or Inf pixels", key="background", path=source.path, remedy="mend it")
    return np.asarray(linear, np.float32)
