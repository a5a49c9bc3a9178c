"""A frame's evidence as one row of numbers, to be kept in a file."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wanfx.ops.lock_colors import TERMS
from wanfx.ops.lock_evidence import Evidence

Array = npt.NDArray[np.float32]
_TRIANGLE = np.tril_indices(TERMS)


def pack(evidence: Evidence) -> Array:
    """The row (n,), float32: some 10 KB. Symmetric sums are kept once."""
    parts = [
        np.array([len(evidence.inside), evidence.samples.shape[1], evidence.shown]),
        evidence.normal[..., _TRIANGLE[0], _TRIANGLE[1]], evidence.wanted, evidence.energy, evidence.weight,
        evidence.inside_terms, evidence.inside, evidence.samples, evidence.places,
    ]  # fmt: skip
    return np.concatenate([part.reshape(-1) for part in parts]).astype(np.float32)


def unpack(row: Array) -> Evidence:
    """The evidence of `pack`'s row, to a float's precision."""
    quantiles, samples = int(row[0]), int(row[1])
    count = len(_TRIANGLE[0])
    shapes = [(2, 3, count), (2, 3, TERMS), (2, 3), (2,), (3, TERMS), (quantiles, 3), (2, samples, 3), (2, samples)]
    parts, start = [], 3
    for shape in shapes:
        stop = start + int(np.prod(shape))
        parts.append(row[start:stop].astype(np.float64).reshape(shape))
        start = stop
    normal = np.zeros((2, 3, TERMS, TERMS))
    normal[..., _TRIANGLE[0], _TRIANGLE[1]] = parts[0]
    normal[..., _TRIANGLE[1], _TRIANGLE[0]] = parts[0]
    wanted, energy, weight, inside_terms, inside, colors, places = parts[1:]
    return Evidence(normal, wanted, energy, weight, float(row[2]), inside_terms, inside, colors, places)
