"""Solids as signed distances: shapes that melt into one another, and the mesh of their surface.

Lengths are metres, negative distances are inside. Axes are Blender's: x to the figure's left, -y where it looks, z up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

Array = np.ndarray
Vec = tuple[float, float, float]
Displacement = Callable[[Array, Array], Array]
_BLOCK = 6  # cells a side of what is looked at as a whole before its cells are


def vec(x: float, y: float, z: float) -> Array:
    return np.array([x, y, z], np.float32)


def mirrored(point: Array | Vec) -> Array:
    return np.asarray(point, np.float32) * np.array([-1, 1, 1], np.float32)


def turn(x_deg: float = 0, y_deg: float = 0, z_deg: float = 0) -> Array:
    """A rotation about x, then y, then z."""
    result = np.eye(3)
    for axis, degrees in enumerate((x_deg, y_deg, z_deg)):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        i, j = (axis + 1) % 3, (axis + 2) % 3
        step = np.eye(3)
        step[i, i] = step[j, j] = c
        step[i, j], step[j, i] = -s, s
        result = step @ result
    return result.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Shape:
    """One shape of a solid: a tapered capsule from ``a`` to ``b``, or an ellipsoid at ``a``.

    ``bone`` is what moves it; ``melt`` is how softly it joins the shapes before it; a ``carved`` one is taken away.
    """

    bone: str
    a: Array
    radii: Array
    b: Array | None = None
    rotation: Array | None = None
    melt: float = 0.02
    carved: bool = False

    def distance(self, points: Array) -> Array:
        return self._ellipsoid(points) if self.b is None else self._capsule(points)

    def bounds(self) -> tuple[Array, Array]:
        reach = float(np.max(self.radii)) + self.melt / 2
        ends = np.stack([self.a, self.a if self.b is None else self.b])
        return ends.min(0) - reach, ends.max(0) + reach

    def _capsule(self, points: Array) -> Array:
        assert self.b is not None
        axis = self.b - self.a
        along = np.clip((points - self.a) @ axis / max(float(axis @ axis), 1e-9), 0, 1)
        nearest = self.a + along[:, None] * axis
        return np.linalg.norm(points - nearest, axis=1) - (self.radii[0] + along * (self.radii[1] - self.radii[0]))

    def _ellipsoid(self, points: Array) -> Array:
        """First-order distance: exact on the surface, right in sign."""
        local = points - self.a
        if self.rotation is not None:
            local = local @ self.rotation
        outer = np.linalg.norm(local / self.radii, axis=1)
        slope = np.linalg.norm(local / self.radii**2, axis=1)
        return outer * (outer - 1) / np.maximum(slope, 1e-6)


def capsule(bone: str, a: Array, b: Array, ra: float, rb: float, melt: float = 0.02, carved: bool = False) -> Shape:
    ends = (np.asarray(a, np.float32), np.asarray(b, np.float32))
    return Shape(bone, ends[0], np.array([ra, rb], np.float32), ends[1], None, melt, carved)


def ball(bone: str, at: Array | Vec, radii: Vec | float, melt: float = 0.02, carved: bool = False,
         rotation: Array | None = None) -> Shape:  # fmt: skip
    sizes = (radii, radii, radii) if isinstance(radii, float) else radii
    return Shape(bone, np.asarray(at, np.float32), np.array(sizes, np.float32), None, rotation, melt, carved)


def both(shapes: list[Shape]) -> list[Shape]:
    """The shapes and their mirror images, whose bones are the right ones (``.L`` becomes ``.R``)."""
    flip = np.diag([-1, 1, 1]).astype(np.float32)
    others = [
        Shape(s.bone.replace(".L", ".R"), mirrored(s.a), s.radii, None if s.b is None else mirrored(s.b),
              None if s.rotation is None else flip @ s.rotation @ flip, s.melt, s.carved)
        for s in shapes
    ]  # fmt: skip
    return [*shapes, *others]


@dataclass(eq=False)
class Solid:
    """Shapes in order, a displacement of the result, and boxes' sides beyond which it is cut off."""

    shapes: list[Shape]
    grown: float = 0.0
    displace: Displacement | None = None
    cuts: list[Callable[[Array], Array]] = field(default_factory=list)

    def distance(self, points: Array) -> Array:
        total = np.full(len(points), 1e3, np.float32)
        for shape in self.shapes:
            d = shape.distance(points)
            total = -_melt(-total, d, shape.melt) if shape.carved else _melt(total, d, shape.melt)
        total = total - self.grown
        if self.displace is not None:
            near = np.abs(total) < 0.04
            total[near] += self.displace(points[near], total[near])
        for cut in self.cuts:
            total = -_melt(-total, -cut(points), 0.004)
        return total

    def gradient(self, points: Array, step: float = 0.002) -> Array:
        parts = [self.distance(points + e) - self.distance(points - e) for e in np.eye(3, dtype=np.float32) * step]
        slope = np.stack(parts, axis=1)
        return slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-9)

    def weights(self, points: Array, softness: float) -> dict[str, Array]:
        """How much each bone moves each point: shared by the shapes that are about as near as the nearest."""
        nearest: dict[str, Array] = {}
        for shape in self.shapes:
            if not shape.carved:
                d = shape.distance(points)
                nearest[shape.bone] = np.minimum(nearest[shape.bone], d) if shape.bone in nearest else d
        table = np.stack(list(nearest.values()))
        table = np.exp(-(table - table.min(0)) / softness)
        table /= table.sum(0)
        return dict(zip(nearest, table, strict=True))

    def mesh(self, voxel: float) -> tuple[Array, Array]:
        """Vertices and quads of the surface."""
        ends = [shape.bounds() for shape in self.shapes if not shape.carved]
        low = np.min([e[0] for e in ends], axis=0) - self.grown - 0.02
        high = np.max([e[1] for e in ends], axis=0) + self.grown + 0.02
        blocks = np.ceil((high - low) / (voxel * _BLOCK)).astype(int)
        middles = (np.argwhere(np.ones(blocks)) + 0.5) * (voxel * _BLOCK) + low
        far = self.distance(middles.astype(np.float32))
        values = np.kron(far.reshape(blocks), np.ones((_BLOCK,) * 3)).astype(np.float32)
        local = np.argwhere(np.ones((_BLOCK,) * 3))
        near = np.argwhere((np.abs(far) < voxel * _BLOCK * 1.6).reshape(blocks))
        for batch in np.array_split(near, len(near) // 4000 + 1):
            cells = (batch[:, None] * _BLOCK + local).reshape(-1, 3)
            values[tuple(cells.T)] = self.distance((cells * voxel + low).astype(np.float32))
        vertices, quads = surface_net(values)
        return self._settled(vertices * voxel + low, voxel), quads

    def _settled(self, vertices: Array, voxel: float) -> Array:
        """The vertices on the surface itself, without the grid's ripple."""
        for _ in range(2):
            d = np.clip(self.distance(vertices), -voxel, voxel)
            vertices = vertices - self.gradient(vertices, voxel / 2) * d[:, None] * 0.8
        return vertices.astype(np.float32)


def surface_net(values: Array) -> tuple[Array, Array]:
    """Vertices (in cells) and quads of the zero surface: a vertex a cell that the surface crosses, at the mean of the
    crossings of its edges; a quad a grid edge that it crosses (Gibson, Constrained Elastic Surface Nets, 1998)."""
    inside = values < 0
    shape = np.array(values.shape) - 1
    total, count = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.int8)
    crossings = []
    for axis in range(3):
        lower = [slice(None)] * 3
        upper = [slice(None)] * 3
        lower[axis], upper[axis] = slice(None, -1), slice(1, None)
        here = np.argwhere(inside[tuple(lower)] != inside[tuple(upper)])
        there = here + np.eye(3, dtype=int)[axis]
        v0, v1 = values[tuple(here.T)], values[tuple(there.T)]
        place = here.astype(np.float32)
        place[:, axis] += v0 / (v0 - v1)
        crossings.append((axis, here, v0 < 0))
        others = [a for a in range(3) if a != axis]
        for i in (0, 1):
            for j in (0, 1):
                cell = here.copy()
                cell[:, others[0]] -= i
                cell[:, others[1]] -= j
                np.add.at(total, tuple(cell.T), place)
                np.add.at(count, tuple(cell.T), 1)
    used = np.argwhere(count > 0)
    index = np.full(shape, -1, np.int64)
    index[tuple(used.T)] = np.arange(len(used))
    vertices = total[tuple(used.T)] / count[tuple(used.T)][:, None]
    return vertices, np.concatenate([_quads(index, *crossing) for crossing in crossings])


def _quads(index: Array, axis: int, here: Array, leaving: Array) -> Array:
    i, j = (axis + 1) % 3, (axis + 2) % 3
    corners = []
    for di, dj in ((0, 0), (1, 0), (1, 1), (0, 1)):
        cell = here.copy()
        cell[:, i] -= di
        cell[:, j] -= dj
        corners.append(index[tuple(cell.T)])
    quads = np.stack(corners, axis=1)
    quads[~leaving] = quads[~leaving][:, ::-1]
    return quads


def _melt(a: Array, b: Array, width: float) -> Array:
    """The smaller of two distances, rounded where they are about equal (Quilez, polynomial smooth minimum)."""
    share = np.maximum(width - np.abs(a - b), 0) / max(width, 1e-6)
    return np.minimum(a, b) - share * share * (width / 4)
