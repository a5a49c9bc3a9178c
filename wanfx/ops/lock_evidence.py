"""What one frame tells of its generator's error: where plate and generated picture show the same thing.

Both are averaged over cells of some pixels, so that softness, grain and small shifts hardly count. A frame is kept as
sums, from which corrections are found for it alone or for several frames together, and tested on the cells that were
left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Size
from wanfx.ops.lock_colors import EXPECTED, TERMS, Values, color_terms
from wanfx.ops.lock_relit import find_relit

Array = npt.NDArray[np.float32]
Cells = npt.NDArray[np.bool_]
_CELLS = 20000
_LEAST_STEP = 3
_CEILING = 1 - 2.0**-10
_ROUNDS = 3
_TUKEY = 4.685
_LEAST_SPREAD = 1e-4
_BLOCK = 6
_BINS = 6
_ROUGH = 0.06
_SMOOTH_CELLS = 1.5
_LEAST_CELLS = 30
_SAMPLES = 96
_WHOLE = 0.95
_INSIDE_PIXELS, _LEAST_INSIDE = 6000, 100
_QUANTILES = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Sums of one frame over two halves of its background, and how its inside looks.

    ``normal`` (2, 3, TERMS, TERMS), ``wanted`` (2, 3, TERMS) and ``energy`` (2, 3) are weighted sums over a half's
    cells, per channel, of terms times terms, terms times plate minus generated, and the latter squared; ``weight`` (2)
    the weights' sums, together at most ``shown``, the share of the picture that shows background. ``inside_terms``
    (3, TERMS) are the mean terms inside, ``inside`` (quantiles, 3) the spread of its colours, none where too little is
    inside. ``samples`` (2, n, 3): some generated and plate colours, and their ``places`` (2, n).
    """

    normal: Values
    wanted: Values
    energy: Values
    weight: Values
    shown: float
    inside_terms: Values
    inside: Values
    samples: Values
    places: Values


def gather(generated: Array, plate: Array, edit: Array, *, inside: Array | None = None, guard_px: float) -> Evidence:
    """The evidence of a frame: (H, W, 3) in model space, ``edit`` (H, W) in [0, 1] where the two may differ.

    What is nearer to ``edit`` than ``guard_px``, what met the ceiling or the floor, and what lies in another light (a
    shadow, `lock_relit`) is left out. ``inside`` (H, W)
    is where the generator made something new: the character, or all of ``edit`` where it is not given.
    """
    size = Size(edit.shape[1], edit.shape[0])
    step = cell_step(size)
    clear, away = _clear_cells(edit, step, guard_px)
    for picture in (generated, plate):
        clear &= ~_clipped(picture, step)
    pooled = _pool(generated, step)
    across, down = _places(size, step, clear.shape)
    own, inside_terms = _look_inside(generated, edit if inside is None else inside)
    seen = _even(clear.astype(np.float32))
    ours, rough = _smooth(pooled, clear, seen)
    target, rough_plate = _smooth(_pool(plate, step), clear, seen)
    usable = clear & ~find_relit(ours, target, clear)
    # Neighbours say the same once they are averaged.
    chosen = np.flatnonzero(usable & _sparse(clear.shape))
    ours, target = ours.reshape(-1, 3)[chosen], target.reshape(-1, 3)[chosen]
    sums = _empty_sums()
    if len(chosen) >= _LEAST_CELLS:
        near = 1 + 2 * np.exp(-away.reshape(-1)[chosen] / (0.15 * max(clear.shape)))
        flat = 1 / (1 + np.maximum(rough, rough_plate).reshape(-1)[chosen] / _ROUGH**2)
        weight = near * flat * _color_weight(ours, own)
        terms = color_terms(ours, across[chosen], down[chosen])
        half = ((chosen // clear.shape[1]) // _BLOCK + (chosen % clear.shape[1]) // _BLOCK) % 2
        share = float(usable.mean())
        sums = _sums(terms, (target - ours).astype(np.float64), weight * (share / weight.sum()), half)
    picked = np.arange(0, len(chosen), max(1, len(chosen) // _SAMPLES))[:_SAMPLES]
    return Evidence(
        *sums, float(clear.mean()), inside_terms, _spread_of(own),
        np.stack([ours[picked], target[picked]]).astype(np.float64), np.stack([across, down])[:, chosen[picked]],
    )  # fmt: skip


def _sparse(shape: tuple[int, ...]) -> Cells:
    """Every other cell of every other row."""
    chosen = np.zeros(shape, np.bool_)
    chosen[::2, ::2] = True
    return chosen


def _even(picture: Array) -> Array:
    """Averaged over some cells: a generator's softness and shift are gone, and what is left of texture is alike."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), _SMOOTH_CELLS, borderType=cv2.BORDER_REFLECT), np.float32)


def _smooth(pooled: Array, clear: Cells, seen: Array) -> tuple[Array, Array]:
    """The mean (h, w, 3) of the clear cells about each, and their variance (h, w)."""
    weight = np.maximum(seen, 1e-6)[..., None]
    only = np.where(clear[..., None], pooled, np.float32(0))
    mean = _even(only) / weight
    variance = _even(only * only) / weight - mean * mean
    return np.asarray(mean, np.float32), np.asarray(np.maximum(variance.mean(axis=2), 0), np.float32)


def cell_step(size: Size) -> int:
    """Pixels a cell's side has: some 20 000 cells a picture."""
    return max(_LEAST_STEP, round(float(np.sqrt(size.width * size.height / _CELLS))))


def _pool(picture: Array, step: int) -> Array:
    rows, columns = max(1, picture.shape[0] // step), max(1, picture.shape[1] // step)
    part = np.ascontiguousarray(picture[: rows * step, : columns * step])
    return np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def _most(picture: Array, step: int) -> Array:
    """The largest value (h, w) of each cell of (H, W)."""
    rows, columns = max(1, picture.shape[0] // step), max(1, picture.shape[1] // step)
    part = picture[: rows * step, : columns * step]
    if part.shape != (rows * step, columns * step):
        return np.full((1, 1), picture.max(), np.float32)
    return np.asarray(part.reshape(rows, step, columns, step).max(axis=(1, 3)), np.float32)


def _clear_cells(edit: Array, step: int, guard_px: float) -> tuple[Cells, Array]:
    """Which cells are clear of the edit, and how many cells each is away from it."""
    outside = (_most(edit, step) <= 0).astype(np.uint8)
    # Without any edit the distance is endless.
    away = np.minimum(cv2.distanceTransform(np.pad(outside, 1, mode="edge"), cv2.DIST_L2, 5)[1:-1, 1:-1], 1e4)
    return np.asarray(away > guard_px / step + 1), np.asarray(away, np.float32)


def _look_inside(generated: Array, inside: Array) -> tuple[Array, Values]:
    """Colours (n, 3) of pixels well inside, and the mean of their terms."""
    places = np.flatnonzero(cv2.erode(inside, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE) >= _WHOLE)
    places = places[:: max(1, len(places) // _INSIDE_PIXELS)]
    if len(places) < _LEAST_INSIDE:
        return np.zeros((0, 3), np.float32), np.zeros((3, TERMS))
    height, width = inside.shape
    own = generated.reshape(-1, 3)[places]
    across, down = (places % width + 0.5) / width * 2 - 1, (places // width + 0.5) / height * 2 - 1
    return own, color_terms(own, across, down).mean(axis=1)


def _spread_of(colors: Array) -> Values:
    if not len(colors):
        return np.zeros((0, 3))
    return np.asarray(np.quantile(colors, _QUANTILES, axis=0), np.float64)


def _clipped(picture: Array, step: int) -> Cells:
    largest = np.maximum(np.maximum(picture[..., 0], picture[..., 1]), picture[..., 2])
    least = np.minimum(np.minimum(picture[..., 0], picture[..., 1]), picture[..., 2])
    return np.asarray((_most(largest, step) >= _CEILING) | (_most(-least, step) >= _CEILING))


def _places(size: Size, step: int, shape: tuple[int, ...]) -> tuple[Values, Values]:
    """The cells' places from -1 to 1, across and down, (N,) each."""
    x = (np.arange(shape[1]) + 0.5) * step / size.width * 2 - 1
    y = (np.arange(shape[0]) + 0.5) * step / size.height * 2 - 1
    across, down = np.meshgrid(x, y)
    return across.reshape(-1), down.reshape(-1)


def _color_weight(outside: Array, inside: Array) -> Values:
    """More for colours that are seen inside too: from a half to two and a half."""
    if not len(inside):
        return np.ones(len(outside))
    bins = [
        np.clip((part + 1) * (_BINS / 2), 0, _BINS - 1).astype(np.intp) @ [_BINS * _BINS, _BINS, 1]
        for part in (outside, inside)
    ]
    far, own = (np.bincount(part, minlength=_BINS**3) / len(part) for part in bins)
    return np.asarray(0.5 + np.clip(own[bins[0]] / far[bins[0]], 0, 2))


def _empty_sums() -> tuple[Values, Values, Values, Values]:
    return np.zeros((2, 3, TERMS, TERMS)), np.zeros((2, 3, TERMS)), np.zeros((2, 3)), np.zeros(2)


def _sums(
    terms: Values, difference: Values, weight: Values, half: npt.NDArray[np.intp]
) -> tuple[Values, Values, Values, Values]:
    """The sums of `Evidence`, with weights that fall with the error beside a first fit (Tukey's, by iteration)."""
    robust = weight
    for _ in range(_ROUNDS):
        away = np.zeros(len(weight))
        for channel in range(3):
            normal = np.einsum("ni,nj->ij", terms[channel] * robust[:, None], terms[channel])
            wanted = np.einsum("ni,n->i", terms[channel], robust * difference[:, channel])
            # A first guess only, so a light hand will do.
            ridge = np.diag(1e-4 * robust.sum() / (EXPECTED[channel] / EXPECTED[channel, 0]) ** 2)
            away = np.maximum(
                away, np.abs(difference[:, channel] - terms[channel] @ np.linalg.solve(normal + ridge, wanted))
            )
        spread = max(1.4826 * float(np.median(away)), _LEAST_SPREAD)
        robust = weight * (1 - np.minimum(away / (_TUKEY * spread), 1) ** 2) ** 2
    out = _empty_sums()
    for fold in range(2):
        w = robust * (half == fold)
        for channel in range(3):
            own = terms[channel]
            out[0][fold, channel] = np.einsum("ni,nj->ij", own * w[:, None], own)
            out[1][fold, channel] = np.einsum("ni,n->i", own, w * difference[:, channel])
            out[2][fold, channel] = float((w * difference[:, channel] ** 2).sum())
        out[3][fold] = float(w.sum())
    return out
