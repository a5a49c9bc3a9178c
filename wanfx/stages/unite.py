"""unite: the comps of all subjects' passes -> the comp of the shot, with every pass's layers.

The picture is the last pass's, bit for bit; of every other pass its layers are kept, so that Nuke and Blender can make
it again. ``edit`` is the union of what the passes edited, and what is kept is proven against the shot's own plate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.comp_parts import CHECKS, EDIT, comp_parts, subject_parts
from wanfx.delivery import Version
from wanfx.images import FramePattern, Plate
from wanfx.io import exr
from wanfx.ops.comp import is_lit
from wanfx.ops.kept import kept_digest
from wanfx.stages.comp_frame import finite_range
from wanfx.stages.comp_write import compressions
from wanfx.stages.context import Made, RunContext, make_frames, stage_key
from wanfx.stages.finish import CONFIDENCE, Finished
from wanfx.stages.header import comp_attributes
from wanfx.stages.ingest import Ingested

STAGE = "unite"
VERSION = 1
Pixels = npt.NDArray[Any]


@dataclass(frozen=True)
class Pass:
    """One subject's pass: its names, and the version that it made, with what its manifest says.

    ``confidence`` is how sure the subject's matte is, by frame.
    """

    name: str
    layer: str
    version: Version
    manifest: Mapping[str, Any]
    confidence: Mapping[int, float]

    @property
    def comp(self) -> FramePattern:
        return FramePattern(str(self.version.folder / self.manifest["comp"]["pattern"]))

    @property
    def frames(self) -> tuple[int, ...]:
        return tuple(sorted(map(int, self.manifest["frame_facts"])))

    def fact(self, frame: int) -> dict[str, Any]:
        """What its manifest says of a frame."""
        return dict(self.manifest["frame_facts"][str(frame)])


def unite_key(passes: Sequence[Pass], ingested: Ingested, *, frame: int) -> str:
    """What a frame's comp is made of."""
    made = [(one.layer, one.fact(frame)["key"], one.confidence.get(frame)) for one in passes]
    return stage_key(STAGE, VERSION, made, ingested.keys[frame])


def run_unite(
    run: RunContext, ingested: Ingested, passes: Sequence[Pass], *, pattern: FramePattern, quality: str
) -> Finished:
    """Write the comp frames of all ``passes``, back to front."""
    maker = _Maker(run, ingested.plate, passes, quality)

    def make(frame: int) -> Made:
        path = pattern.path(frame)
        facts = {**maker.make(frame, path), "plate_key": ingested.keys[frame]}
        return Made((path,), {**facts, "key": unite_key(passes, ingested, frame=frame)})

    version = run.version.name
    records = make_frames(
        run, stage=STAGE, frames=passes[-1].frames, make=make,
        key=lambda frame: stage_key(STAGE, VERSION, version, pattern.name, unite_key(passes, ingested, frame=frame)),
    )  # fmt: skip
    facts = {frame: record.facts for frame, record in records.items()}
    hashes = {frame: next(iter(record.files.values())) for frame, record in records.items()}
    return Finished(pattern, tuple(sorted(facts)), comp_parts([one.layer for one in passes]), facts, hashes)


class _Maker:
    """Makes comp frames of several passes' own; safe from several threads."""

    def __init__(self, run: RunContext, plate: Plate, passes: Sequence[Pass], quality: str) -> None:
        self._run, self._plate, self._passes = run, plate, passes
        self._small, self._large = compressions(run.options.finish, quality=quality)

    def make(self, frame: int, path: Path) -> dict[str, Any]:
        """Write a frame; its facts."""
        plate, last = self._plate, self._passes[-1]
        source = exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame)
        made = [exr.read_parts(one.comp.path(frame), frame=frame)[0] for one in self._passes]
        header, rgba = source.header, np.stack(list(made[-1]["rgba"].planes.values()), axis=2)
        planes = {**self._layers(made), **self._union(frame, made)}
        planes["rgba"] = exr.Part("rgba", tuple(made[-1]["rgba"].planes.values()), tuple("RGBA"), self._large)
        carried = [made[0]["plate"]] if "plate" in made[0] else []
        edited = is_lit(_plane(planes[EDIT]))
        fact = last.fact(frame)
        provenance = self._provenance(frame)
        exr.write_parts(
            path,
            [*(planes[name] for name in comp_parts([one.layer for one in self._passes])), *carried],
            data_window=header.data_window, display_window=plate.display_window, pixel_aspect=plate.pixel_aspect,
            compression=self._small,
            attributes=comp_attributes(header, plate, frame, color=self._run.color, provenance=provenance),
        )  # fmt: skip
        own = source.rgb[header.data_window.slices(plate.canvas)]
        errors = [one.fact(frame)["plate_error"] for one in self._passes]
        return {
            "kept_sha256": kept_digest(own, edited),
            "kept_pixels": int(edited.size - np.count_nonzero(edited)),
            "edited_pixels": int(np.count_nonzero(edited)),
            "range_linear": finite_range(rgba[..., :3]),
            "ceiling_pixels": int(np.count_nonzero(is_lit(_plane(planes[CHECKS[0]])))),
            "data_window": header.data_window.as_list(),
            "timecode": fact["timecode"],
            "plate_error": max((error for error in errors if error is not None), default=None),
            "provenance": provenance,
            "passes": [one.fact(frame) for one in self._passes],
            CONFIDENCE: self._confidence(frame),
        }

    def _layers(self, made: Sequence[Mapping[str, exr.Part]]) -> dict[str, exr.Part]:
        """Every pass's layers and mattes by their names in the comp."""
        found = {}
        names = subject_parts([one.layer for one in self._passes])
        for one, parts in zip(names, made, strict=True):
            (plain,) = subject_parts([one.layer])
            pairs = zip((*plain.pictures, *plain.mattes), (*one.pictures, *one.mattes), strict=True)
            for was, name in pairs:
                pixels = tuple(parts[was].planes.values())
                ends = "RGBA" if name == one.char else "RGB" if name in one.pictures else "A"
                packed = self._large if name == one.clean else None
                found[name] = exr.Part(name, pixels, tuple(f"{name}.{end}" for end in ends), packed)
        return found

    def _union(self, frame: int, made: Sequence[Mapping[str, exr.Part]]) -> dict[str, exr.Part]:
        """What is edited by any pass; where any met its ceiling; the least confidence."""
        edit, ceiling = (np.maximum.reduce([_plane(parts[name]) for parts in made]) for name in (EDIT, CHECKS[0]))
        sure = np.minimum.reduce(
            [
                np.where(is_lit(_plane(parts[EDIT])), np.float16(one.confidence.get(frame, 1.0)), np.float16(1))
                for one, parts in zip(self._passes, made, strict=True)
            ]
        )
        sure = np.minimum.reduce([sure, *(_plane(parts[CHECKS[1]]) for parts in made)])
        return {
            name: exr.Part(name, plane, (f"{name}.A",))
            for name, plane in ((EDIT, edit), (CHECKS[0], ceiling), (CHECKS[1], sure))
        }

    def _confidence(self, frame: int) -> float:
        said = [one.fact(frame).get(CONFIDENCE) for one in self._passes]
        tracked = [one.confidence.get(frame) for one in self._passes]
        return float(min((value for value in (*said, *tracked) if value is not None), default=1.0))

    def _provenance(self, frame: int) -> dict[str, str]:
        """The last pass's, with what took part in any."""
        all_of = [one.fact(frame)["provenance"] for one in self._passes]
        lists = {
            name: ", ".join(dict.fromkeys(text for one in all_of for text in one[name].split(", ")))
            for name in ("models", "licences")
        }
        return {**all_of[-1], "shot": self._run.shot.name, **lists}


def _plane(part: exr.Part) -> Pixels:
    return np.ascontiguousarray(next(iter(part.planes.values())))
