"""A look at everything that a shot names before any work starts, so that a wrong path costs a moment, not a run."""

from __future__ import annotations

from pathlib import Path

from wanfx.errors import ShotError
from wanfx.frames import FrameRange, Size
from wanfx.io import exr, stills
from wanfx.io.pose_file import check_pose_size, read_poses
from wanfx.shot import ReferenceInput, Shot, SubjectInput
from wanfx.stages.hand_matte import check_roto, find_roto
from wanfx.stages.reference import tell_reference_space
from wanfx.stages.source import Source
from wanfx.stages.world import open_world
from wanfx.stages.world_lead import open_lead
from wanfx.stages.world_references import open_references
from wanfx_color.configs import ColorConfig


def check_inputs(
    shot: Shot, plate: Source, *, frames: FrameRange, color: ColorConfig, is_prompted: bool = False
) -> None:
    """Raise what is wrong with the reference, the background or a hand-made matte, naming the key and file.

    ``is_prompted`` says that a model draws the background.
    """
    if shot.task == "background":
        if is_prompted:
            check_pictures(shot, frames=frames, color=color)
        elif shot.background is not None and shot.background.mode not in ("remove", "extend"):
            open_world(shot, frames=frames, color=color)
    elif shot.reference is not None:
        for index, picture in enumerate(shot.reference.pictures):
            key = f"reference.others[{index - 1}]" if index else "reference"
            _check_reference(shot, picture, key=key, color=color)
    check_rotos(shot, plate, frames=frames)


def check_pictures(shot: Shot, *, frames: FrameRange, color: ColorConfig) -> None:
    """Raise what is wrong with the pictures that a prompted model is shown."""
    given = shot.background
    assert given is not None
    for _source, _fills in open_references(shot, color=color):
        pass
    if given.mode == "anchor":
        open_world(shot, frames=frames, color=color)
    if given.mode == "guide":
        open_lead(shot, frames=frames, color=color)


def check_rotos(shot: Shot, plate: Source, *, frames: FrameRange) -> None:
    """Raise what is wrong with a hand-made matte, naming the file."""
    for subject in shot.subjects or (SubjectInput(),):
        check_roto(find_roto(shot, subject, frames=frames), size=plate.display_window.size)


def _check_reference(shot: Shot, reference: ReferenceInput, *, key: str, color: ColorConfig) -> None:
    sizes: list[Size] = []
    source = Path(shot.resolve(reference.path))
    for name, given in (("path", reference.path), ("matte", reference.matte)):
        if given is None:
            continue
        path = Path(shot.resolve(given))
        if not path.is_file():
            raise ShotError("there is no such picture", key=f"{key}.{name}", path=path, remedy="check the path")
        if path.suffix.lower() == ".exr":
            # A matte need not have RGB; a picture must.
            is_picture = name == "path"
            size = (exr.read_header(path).data_window if is_picture else exr.read_display_window(path)).size
        else:
            size = stills.read_still_header(path).size
        sizes.append(size)
    if source.suffix.lower() == ".exr":
        tell_reference_space(color, reference, source, kind="exr", tags=exr.read_header(source).attributes, key=key)
    else:
        tags = stills.read_still_header(source).color_tags
        tell_reference_space(color, reference, source, kind="still", tags=tags, key=key)
    if reference.pose is not None:
        path = Path(shot.resolve(reference.pose))
        check_pose_size(read_poses(path, key=f"{key}.pose")[1], sizes[0], key=f"{key}.pose", path=path)
