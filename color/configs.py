"""Which OCIO config is in force, and what identifies it in a manifest.

``$OCIO`` first; without it a pinned built-in config (see docs/decisions/color-config.md for the choice).
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import PyOpenColorIO as ocio

from wanfx_color.exceptions import OCIO_ERRORS, ColorError, UnknownColorSpace

BUILT_IN = "ocio://studio-config-v4.0.0_aces-v2.0_ocio-v2.5"
_URI = "ocio://"
_LUT_REFERENCE = re.compile(r"\bsrc: *([^,}\n]+)")


@dataclass(frozen=True)
class ColorConfig:
    """An OCIO config with what a manifest says about it.

    ``name`` is a file name or an ``ocio://`` URI, never an absolute path. ``sha256`` is of the content: the archive
    for .ocioz, else the serialised config followed by the LUT files that it names. ``scene_linear`` is the colour
    space of that role: the working space. Equal content makes equal configs.
    """

    name: str
    sha256: str
    source: Literal["$OCIO", "built-in", "given"]
    scene_linear: str
    display: str
    view: str
    ocio: Any = field(compare=False, repr=False)

    def find(self, name: str) -> str | None:
        """The colour space with this name, alias or role, by its own name; None where there is none."""
        space = self.ocio.getColorSpace(name)
        return None if space is None else str(space.getName())

    def resolve(self, name: str) -> str:
        """The colour space with this name, alias or role, by its own name. Raises UnknownColorSpace."""
        found = self.find(name)
        if found is None:
            raise UnknownColorSpace(name, config=self.name, known=self.all_names())
        return found

    def all_names(self) -> list[str]:
        """Names, aliases and roles: everything `resolve` takes."""
        every = self.ocio.getColorSpaces(ocio.SEARCH_REFERENCE_SPACE_ALL, ocio.COLORSPACE_ALL)
        names = [name for space in every for name in (space.getName(), *space.getAliases())]
        return [*names, *(role for role, _space in self.ocio.getRoles())]


def load_config(name: str | None = None, *, environ: Mapping[str, str] = os.environ) -> ColorConfig:
    """The config ``name`` (a .ocio or .ocioz file, or an ``ocio://`` URI), else ``$OCIO``, else the built-in one.

    Loaded once for a file's content. Raises ColorError where it is missing or cannot be read.
    """
    source: Literal["$OCIO", "built-in", "given"] = "given"
    if not name:
        name, source = (environ["OCIO"], "$OCIO") if environ.get("OCIO") else (BUILT_IN, "built-in")
    if name.startswith(_URI):
        return _load(name, source, (0, 0))
    path = Path(name).absolute()
    if not path.is_file():
        what = f"the OCIO config {path.name} is not there" + (" ($OCIO)" if source == "$OCIO" else "")
        raise ColorError(f"{what}: {path}", remedy="set OCIO to a .ocio or .ocioz file or an ocio:// URI, or unset it")
    stat = path.stat()
    return _load(str(path), source, (stat.st_mtime_ns, stat.st_size))


@functools.lru_cache(maxsize=8)
def _load(name: str, source: Literal["$OCIO", "built-in", "given"], _stamp: tuple[int, int]) -> ColorConfig:
    try:
        config = ocio.Config.CreateFromFile(name)
    except OCIO_ERRORS as error:
        where = "check that OpenColorIO has it" if name.startswith(_URI) else f"run `ociocheck --iconfig {name}`"
        short = name if name.startswith(_URI) else Path(name).name
        raise ColorError(f"the OCIO config {short} cannot be read: {error}", remedy=where) from error
    short = name if name.startswith(_URI) else Path(name).name
    scene_linear = config.getColorSpace("scene_linear")
    if scene_linear is None:
        raise ColorError(f"the OCIO config {short} has no role scene_linear", remedy="add the role to the config")
    display = config.getDefaultDisplay()
    return ColorConfig(
        name=short,
        sha256=_content_hash(config, name),
        source=source,
        scene_linear=scene_linear.getName(),
        display=display,
        view=config.getDefaultView(display),
        ocio=config,
    )


def _content_hash(config: Any, name: str) -> str:
    if name.endswith(".ocioz"):
        return hashlib.sha256(Path(name).read_bytes()).hexdigest()
    text = config.serialize()
    digest = hashlib.sha256(text.encode())
    context = config.getCurrentContext()
    for reference in sorted({match.strip().strip("\"'") for match in _LUT_REFERENCE.findall(text)}):
        digest.update(reference.encode())
        try:
            located = context.resolveFileLocation(reference)
        except OCIO_ERRORS:
            # A LUT that is not there is an error only for who uses it; its absence is part of the hash.
            continue
        digest.update(Path(located).read_bytes())
    return digest.hexdigest()
