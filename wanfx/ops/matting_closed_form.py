"""Alpha by closed-form matting (Levin, Lischinski, Weiss, PAMI 2008) with pymatting's Laplacian: slow and thorough.

The picture is solved in tiles that overlap, so that memory does not grow with the picture's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.errors import MissingError
from wanfx.frames import Box
from wanfx.ops.edges import bounding_box
from wanfx.ops.matting_solve import conjugate_gradients
from wanfx.ops.trimap import UNKNOWN

Array = npt.NDArray[np.float32]
_TILE_PX = 384
_OVERLAP_PX = 48
_EPSILON = 1e-6
_KNOWN = 0.1
_STEPS = 50


def closed_form_alpha(guide: Array, trimap: Array, start: Array, *, trust: Array) -> Array:
    """Alpha (H, W), not clipped, as ``guide`` (H, W, 3, values of about 0 to 1) has it between what ``trimap`` knows.

    Where the trimap is 0.5, ``start`` (H, W), the fast way's answer, pulls by ``trust`` (H, W). Raises MissingError
    without pymatting.
    """
    total, weight = np.zeros(trimap.shape, np.float64), np.zeros(trimap.shape, np.float64)
    for tile in _tiles(trimap):
        here = tile.slices()
        found = _solve(guide[here], trimap[here], start[here], trust=trust[here])
        share = _ramp(tile)
        total[here] += found * share
        weight[here] += share
    return np.where(weight > 0, total / np.maximum(weight, 1e-12), trimap).astype(np.float32)


def find_laplacian() -> Callable[..., Any]:
    """pymatting's Laplacian. Raises MissingError where it is not installed."""
    try:
        from pymatting.laplacian.cf_laplacian import cf_laplacian
    except ImportError as error:
        raise MissingError(
            "closed-form matting needs pymatting", key="refine.method",
            remedy="pip install 'wanfx[matte]', or set refine.method=guided",
        ) from error  # fmt: skip
    found: Callable[..., Any] = cf_laplacian
    return found


def _tiles(trimap: Array) -> Iterator[Box]:
    """Boxes that overlap and hold all that is unknown, each with a border around it."""
    is_unknown = trimap == UNKNOWN
    whole = Box(0, 0, trimap.shape[1], trimap.shape[0])
    for top in range(0, whole.height, _TILE_PX):
        for left in range(0, whole.width, _TILE_PX):
            core = Box(left, top, left + _TILE_PX, top + _TILE_PX).clip(whole)
            reach = core.grow(_OVERLAP_PX).clip(whole)
            band = bounding_box(is_unknown[core.slices()])
            if not band.is_empty:
                yield band.shift(core.x0, core.y0).grow(_OVERLAP_PX).clip(reach)


def _ramp(tile: Box) -> npt.NDArray[np.float64]:
    """1 in the tile's middle, less towards its border, so that tiles go over into each other."""
    across, down = (np.minimum(np.arange(n) + 1, n - np.arange(n)) for n in (tile.width, tile.height))
    return np.asarray(np.minimum(across[None, :], down[:, None]).clip(max=_OVERLAP_PX) ** 2, np.float64)


def _solve(guide: Array, trimap: Array, start: Array, *, trust: Array) -> npt.NDArray[np.float64]:
    is_known = (trimap != UNKNOWN).ravel()
    wanted = np.where(is_known, trimap.ravel(), start.ravel()).astype(np.float64)
    laplacian = find_laplacian()(guide.astype(np.float64), epsilon=_EPSILON, radius=1, is_known=is_known)
    weight = np.where(is_known, _KNOWN, trust.ravel())
    found = conjugate_gradients(
        lambda values: laplacian @ values + weight * values,
        weight * wanted, start=wanted, scale=1 / (laplacian.diagonal() + weight), steps=_STEPS,
    )  # fmt: skip
    return np.asarray(found, np.float64).reshape(trimap.shape)
