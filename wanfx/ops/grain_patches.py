"""Patches of a picture that show grain and little else, for measuring it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.pixels import to_finite, to_float

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float64]
SIDE_PX = 16
_CELL_PX = 4
_MOST = 3000
_UNEVEN = 0.35
_CANCELED, _PLAIN, _FAINT = 0.2, 0.5, np.float32(0.03)
_DARK = np.float32(2.0**-10)


@dataclass(frozen=True, eq=False)
class Patches:
    """N square patches: ``level`` (N, 3), their mean light; ``residual`` (N, 16, 16, 3), grain alone, of the
    plate's own variance; ``texture`` (N,), how far the light under the grain varies, relative to it. Scene-linear.
    """

    level: Array
    residual: Array
    texture: Array

    def __len__(self) -> int:
        return len(self.texture)


def join_patches(patches: Sequence[Patches]) -> Patches:
    """All of them as one."""
    none = Patches(
        np.zeros((0, 3), np.float32), np.zeros((0, SIDE_PX, SIDE_PX, 3), np.float32), np.zeros(0, np.float32)
    )
    every = [none, *patches]
    return Patches(
        np.concatenate([one.level for one in every]),
        np.concatenate([one.residual for one in every]),
        np.concatenate([one.texture for one in every]),
    )


def find_usable(linear: npt.NDArray[Any], hidden: Array, *, ceiling: float) -> Mask:
    """Where (H, W) the plate (H, W, 3) can be measured: not ``hidden`` (H, W), finite, below ``ceiling`` (linear).

    What met the ceiling is clipped and has less grain than it would; so has what is near it, by resampling.
    """
    light = to_float(linear)
    with np.errstate(invalid="ignore"):
        good = np.isfinite(light) & (light < np.float32(ceiling))
    whole = (good[..., 0] & good[..., 1] & good[..., 2]).astype(np.uint8)
    return np.asarray((cv2.erode(whole, np.ones((5, 5), np.uint8)) > 0) & (hidden <= 0))


def pair_patches(
    first: npt.NDArray[Any], second: npt.NDArray[Any], *, usable: tuple[Mask, Mask], matrix: Matrix
) -> Patches:
    """Grain from the difference of two frames, (H, W, 3) scene-linear; what both show cancels.

    ``matrix`` is the homography from the first's pixels to the second's (centres at .5). Patches are moved by whole
    pixels only: an interpolated frame has less grain. Of independent grain the difference has twice the variance, and
    is independent of the mean, by which flat patches are chosen later; so that choice does not favor quiet ones.
    """
    one, two = to_finite(first), to_finite(second)
    starts = np.array(list(_whole_patches(usable[0])), np.int64).reshape(-1, 2)
    corners = np.column_stack([starts[:, 1] + SIDE_PX / 2, starts[:, 0] + SIDE_PX / 2, np.ones(len(starts))])
    placed = corners @ matrix.T
    moved = np.rint(placed[:, :2] / placed[:, 2:] - corners[:, :2]).astype(np.int64)
    others = starts + moved[:, ::-1]
    whole = _are_whole(usable[1], others)
    if not whole.any():
        return join_patches([])
    sums, differences = [], []
    for (y, x), (v, u) in zip(starts[whole], others[whole], strict=True):
        a, b = one[y : y + SIDE_PX, x : x + SIDE_PX], two[v : v + SIDE_PX, u : u + SIDE_PX]
        sums.append((a + b) / 2)
        differences.append((a - b) / np.float32(np.sqrt(2)))
    light, residual = np.stack(sums).astype(np.float32), np.stack(differences).astype(np.float32)
    level = light.mean(axis=(1, 2))
    # A flicker of the whole picture is not grain; what the camera's motion leaves is much the same in all patches.
    drift = np.median(residual.mean(axis=(1, 2)) / np.maximum(level, _DARK), axis=0)
    residual = residual - (drift * level)[:, None, None]
    found = Patches(level, residual, _texture(light, level))
    return _even(select_patches(found, _is_still(found)))


def frame_patches(linear: npt.NDArray[Any], *, usable: Mask) -> Patches:
    """Grain of a single frame, (H, W, 3) scene-linear: what no plane through a patch explains.

    Fine texture counts as grain, which is why `pair_patches` is preferred.
    """
    rgb = to_finite(linear)
    starts = list(_whole_patches(usable))
    if not starts:
        return join_patches([])
    light = np.stack([rgb[y : y + SIDE_PX, x : x + SIDE_PX] for y, x in starts])
    level = light.mean(axis=(1, 2))
    along = (np.arange(SIDE_PX, dtype=np.float32) - (SIDE_PX - 1) / 2) / np.float32(SIDE_PX)
    scale = np.float32(1 / (SIDE_PX * (along**2).sum()))
    down = np.einsum("nyxc,y->nc", light, along) * scale
    across = np.einsum("nyxc,x->nc", light, along) * scale
    plane = level[:, None, None] + down[:, None, None] * along[:, None, None]
    plane = plane + across[:, None, None] * along[:, None]
    # Three of the patch's degrees of freedom are the plane's.
    residual = (light - plane) * np.float32(np.sqrt(SIDE_PX**2 / (SIDE_PX**2 - 3)))
    return _even(Patches(level, residual.astype(np.float32), _texture(light, level)))


def fine_residual(patches: Patches) -> Array:
    """(N, 14, 14, 3): a patch's finest detail, which planes and straight edges along the axes do not have.

    Its variance is the grain's where that is white; for comparing one picture's with another's. Source: J. Immerkaer,
    Fast Noise Variance Estimation, Computer Vision and Image Understanding 64, 1996.
    """
    r = patches.residual
    across = r[:, :, :-2] - 2 * r[:, :, 1:-1] + r[:, :, 2:]
    both = across[:, :-2] - 2 * across[:, 1:-1] + across[:, 2:]
    return np.asarray(both / np.float32(6), np.float32)


def _whole_patches(usable: Mask) -> Iterator[tuple[int, int]]:
    """Top-left corners of the patches that are usable everywhere: on a grid, no more than `_MOST`."""
    rows, columns = usable.shape[0] // SIDE_PX, usable.shape[1] // SIDE_PX
    cells = usable[: rows * SIDE_PX, : columns * SIDE_PX].reshape(rows, SIDE_PX, columns, SIDE_PX)
    found = np.argwhere(cells.all(axis=(1, 3))) * SIDE_PX
    every = max(1, -(-len(found) // _MOST))
    for y, x in found[::every]:
        yield int(y), int(x)


def _are_whole(usable: Mask, starts: npt.NDArray[np.int64]) -> Mask:
    """Whether the patches with these top-left corners lie in the picture and are usable everywhere."""
    height, width = usable.shape
    last = np.array([height, width]) - SIDE_PX
    inside: Mask = np.asarray(((starts >= 0) & (starts <= last)).all(axis=1))
    counts = cv2.integral(usable.astype(np.uint8))
    y, x = np.where(inside[:, None], starts, 0).T
    v, u = np.minimum(y + SIDE_PX, height), np.minimum(x + SIDE_PX, width)
    count = counts[v, u] - counts[y, u] - counts[v, x] + counts[y, x]
    return np.asarray(inside & (count == SIDE_PX**2))


def _texture(light: Array, level: Array) -> Array:
    """The spread of a patch's cells' means, relative to its light: grain hardly shows in it."""
    count = SIDE_PX // _CELL_PX
    cells = light.reshape(len(light), count, _CELL_PX, count, _CELL_PX, 3).mean(axis=(2, 4))
    spread = cells.std(axis=(1, 2)) / np.maximum(level, _DARK)
    return np.asarray(spread.max(axis=1), np.float32)


def _is_still(patches: Patches) -> Mask:
    """Whether a difference is grain rather than something that moved, (N,).

    What moves leaves a difference about as strong as its texture, or one that is the same all over the patch. Grain
    is much weaker than a texture that canceled, or much stronger than what there is of texture. Where that is so faint
    that it may be grain itself, which a codec holds, nothing can be told.
    """
    power = np.square(patches.residual).mean(axis=(1, 2))
    strength = (np.sqrt(power) / np.maximum(patches.level, _DARK)).max(axis=1)
    is_told = (strength < _CANCELED * patches.texture) | (patches.texture < np.maximum(_PLAIN * strength, _FAINT))
    is_all_over = (np.square(patches.residual.mean(axis=(1, 2))) > power / 2).any(axis=1)
    return np.asarray(is_told & ~is_all_over)


def _even(patches: Patches) -> Patches:
    """Those whose light hardly varies: the others belong to no level, and hold edges and lamps."""
    return select_patches(patches, patches.texture < _UNEVEN)


def select_patches(patches: Patches, keep: Mask) -> Patches:
    """Those that are to be kept, (N,)."""
    return Patches(
        patches.level[keep].astype(np.float32), patches.residual[keep].astype(np.float32), patches.texture[keep]
    )
