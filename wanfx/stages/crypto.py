"""crypto: the finished comp -> its objects as Cryptomatte, frame by frame, in a sequence of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wanfx.backends.registry import find_generator
from wanfx.errors import ShotError
from wanfx.images import FramePattern
from wanfx.io import exr
from wanfx.io.cryptomatte import BACKGROUND, object_ids, write_cryptomatte
from wanfx.ops.ranks import cover_each_other, rank_coverages
from wanfx.options import Options
from wanfx.pixels import to_float
from wanfx.shot import Shot
from wanfx.stages.context import Made, RunContext, make_frames, stage_key
from wanfx.stages.finish import Finished
from wanfx.stages.header import PREFIX
from wanfx.stages.matte import subjects_of

STAGE = "crypto"
VERSION = 1
OBJECT_PART = "matte_character"
"""The part of a comp that is an object's coverage: the new character's, or the kept actor's."""
_CARRIED = ("timeCode", "framesPerSecond")


@dataclass(frozen=True)
class CryptoFrames:
    """The sequence, its objects (name to id) and each file's SHA-256."""

    pattern: FramePattern
    names: Mapping[str, float]
    hashes: Mapping[Path, str]


def is_crypto_wanted(options: Options) -> bool:
    """Whether a run with these options delivers Cryptomattes (see docs/decisions/cryptomatte.md)."""
    wanted = options.deliver.cryptomatte
    return wanted == "on" or (wanted == "auto" and find_generator(options).quality != "draft")


def check_crypto_names(shot: Shot, options: Options) -> None:
    """Raise ShotError where a subject cannot be told apart from the others or from the background."""
    if not is_crypto_wanted(options):
        return
    names = [subject.name for subject in subjects_of(shot)]
    if BACKGROUND in names:
        raise ShotError(
            f"{BACKGROUND!r} is the name of what is behind all subjects in a Cryptomatte",
            key=f"subjects[{names.index(BACKGROUND)}].name",
            remedy="give the subject another name, or set deliver.cryptomatte=off",
        )
    object_ids([*names, BACKGROUND])


def run_crypto(
    run: RunContext, finished: Finished, *, objects: Mapping[str, str], pattern: FramePattern
) -> CryptoFrames | None:
    """Write a Cryptomatte for every comp frame; None where none is wanted.

    Coverage is read from the comp itself: each of ``objects`` (by name, back to front) covers what its part of the comp
    says and no other hides, the background the rest.
    """
    if not is_crypto_wanted(run.options):
        return None
    names = object_ids([*objects, BACKGROUND])

    def make(frame: int) -> Made:
        path = pattern.path(frame)
        parts, header = exr.read_parts(finished.pattern.path(frame), list(objects.values()), frame=frame)
        mattes = [to_float(next(iter(parts[part].planes.values()))) for part in objects.values()]
        # A painted matte may overshoot, but nothing covers more than all of a pixel.
        covers = cover_each_other(mattes)
        coverages = {names[name]: cover for name, cover in zip(objects, covers, strict=True)}
        write_cryptomatte(
            path,
            rank_coverages(coverages, rest=names[BACKGROUND]),
            names=names,
            data_window=header.data_window,
            display_window=header.display_window,
            pixel_aspect=header.pixel_aspect,
            attributes={
                name: value for name, value in header.attributes.items() if name in _CARRIED or name.startswith(PREFIX)
            },
        )
        clipped = sum(int(np.count_nonzero(~((matte >= 0) & (matte <= 1)))) for matte in mattes)
        return Made((path,), {"clipped_pixels": clipped})

    def key(frame: int) -> str:
        return stage_key(STAGE, VERSION, run.version.name, pattern.name, finished.hashes[frame], list(names))

    records = make_frames(run, stage=STAGE, frames=finished.frames, key=key, make=make)
    for frame, record in records.items():
        if count := record.facts["clipped_pixels"]:
            run.warn(STAGE, f"the matte leaves 0 to 1 at {count} pixels; their coverage is 0 or 1", frame=frame)
    hashes = {pattern.path(frame): digest for frame, record in records.items() for digest in record.files.values()}
    return CryptoFrames(pattern, names, hashes)
