"""A layer's mesh inside its matte, and how far each corner of it follows each bone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.pose import Points
from wanfx.ops.puppet_joints import RestPose
from wanfx.ops.puppet_parts import Part

Array = npt.NDArray[np.float32]
_CELLS = 22


@dataclass(frozen=True, eq=False)
class Mesh:
    """Corners (V, 2) in the reference's pixels, triangles (T, 3), and weights (V, bones) that sum to 1.

    A limb's bones are its parent's, then one from each of its joints to the next; the body's are hem, hips, shoulders
    and head.
    """

    vertices: Points
    triangles: npt.NDArray[np.intp]
    weights: Points


def grid_mesh(alpha: Array, box: Box, *, cell_px: float | None = None) -> tuple[Points, npt.NDArray[np.intp]]:
    """Corners and triangles of a regular grid over where ``alpha`` (h, w), which lies at ``box``, is not 0.

    Triangles are ordered from the figure's outside to its inside: where the mesh folds over, solid parts win.
    """
    cell = cell_px or max(3.0, max(box.width, box.height) / _CELLS)
    columns, rows = int(np.ceil(box.width / cell)) + 2, int(np.ceil(box.height / cell)) + 2
    left, top = box.x0 - cell / 2, box.y0 - cell / 2
    lit = cv2.dilate((alpha > 0).astype(np.uint8), np.ones((5, 5), np.uint8))
    ys, xs = np.nonzero(lit)
    used = np.zeros((rows, columns), np.float64)
    cell_y = ((ys + 0.5 + box.y0 - top) / cell).astype(int)
    cell_x = ((xs + 0.5 + box.x0 - left) / cell).astype(int)
    np.add.at(used, (cell_y, cell_x), 1e-3 + alpha[ys, xs])
    order = np.argsort(used[used > 0], kind="stable")
    cy, cx = (index[order] for index in np.nonzero(used))
    corner = cy * (columns + 1) + cx
    right, below = corner + 1, corner + columns + 1
    triangles = np.stack(
        [np.stack([corner, right, below], axis=1), np.stack([right, below + 1, below], axis=1)], axis=1
    ).reshape(-1, 3)
    kept, renumbered = np.unique(triangles, return_inverse=True)
    vertices = np.stack([left + cell * (kept % (columns + 1)), top + cell * (kept // (columns + 1))], axis=1)
    return vertices.astype(np.float64), renumbered.reshape(-1, 3).astype(np.intp)


def body_weights(vertices: Points, rest: RestPose) -> Points:
    """How far the body's corners follow its hem, hips, shoulders and head: smoothly from one to the next, upwards."""
    up = (vertices - rest.pelvis) @ rest.up / rest.torso_px
    neck = float((rest.chin - rest.pelvis) @ rest.up) / rest.torso_px
    chest = _ramp(up, 0.0, 1.0)
    hem = _ramp(-up, -0.05, 0.35)
    head = _ramp(up, 1.0 + 0.15 * (neck - 1.0), neck)
    return np.stack([hem, (1 - hem) * (1 - chest), (1 - hem) * chest * (1 - head), head * (1 - hem)], axis=1)


def limb_weights(vertices: Points, part: Part, chain: tuple[str, ...], rest: RestPose) -> Points:
    """How far a limb's corners follow the body and each bone of the chain, blending about the part's two joints."""
    joints = np.stack([rest.joints[name] for name in chain])
    first = chain.index(part.joints[0])
    weights = np.zeros((len(vertices), len(joints)))
    left = np.ones(len(vertices))
    for index in range(min(first + 1, len(joints) - 2), first - 1, -1):
        after = joints[index + 1] - joints[index]
        before = joints[index] - joints[index - 1] if index else after
        ahead = before / np.linalg.norm(before) + after / np.linalg.norm(after)
        if np.linalg.norm(ahead) < 0.1:
            ahead = after
        ahead = ahead / np.linalg.norm(ahead)
        reach = min(part.radius_px, 0.45 * float(min(np.linalg.norm(before), np.linalg.norm(after))))
        weights[:, index + 1] = _ramp((vertices - joints[index]) @ ahead, -reach, reach) * left
        left = left - weights[:, index + 1]
    weights[:, first] = left
    return weights


def _ramp(value: Points, low: float, high: float) -> Points:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((value - low) / max(high - low, 1e-6), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float64)
