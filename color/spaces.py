"""Which colour space a picture is in, and who says so.

In order: what the shot says, the file's own tags, a file rule of the config that is about this file, and for movies
and 8-bit stills alone a default, which is reported as such.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import PyOpenColorIO as ocio

from wanfx_color.configs import ColorConfig
from wanfx_color.exceptions import OCIO_ERRORS, ColorError
from wanfx_color.movie_tags import tell_movie_space
from wanfx_color.names import find_any, find_interop

Kind = Literal["exr", "movie", "still"]

_BUILT_IN_URI = "ocio://"
_DECLARE = "name the picture's colour space in the shot, as colorspace"
_TOLERANCE = 0.0015
COLOR_TAGS = ("colorInteropID", "oiio:ColorSpace", "chromaticities")
"""The header attributes of an EXR that tell its colour space, the first that says something before the others."""
_VAGUE = frozenset({"", "unknown", "unspecified"})

# Red, green, blue, white (x, y): SMPTE ST 2065-1 and S-2014-004 (AP0, AP1), ITU-R BT.709, BT.2020, SMPTE EG 432-1.
_D65 = (0.3127, 0.3290)
_ACES_WHITE = (0.32168, 0.33767)
PRIMARIES: Mapping[str, tuple[float, ...]] = {
    "lin_ap1_scene": (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, *_ACES_WHITE),
    "lin_ap0_scene": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, *_ACES_WHITE),
    "lin_rec709_scene": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *_D65),
    "lin_p3d65_scene": (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, *_D65),
    "lin_rec2020_scene": (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
}


@dataclass(frozen=True)
class ToldSpace:
    """A colour space of the config, who told it, and whether it was only assumed (``is_default``)."""

    name: str
    told_by: str
    is_scene_linear: bool
    is_default: bool


def tell_color_space(
    config: ColorConfig, *, path: str, kind: Kind, declared: str | None, tags: Mapping[str, object]
) -> ToldSpace:
    """The colour space of the file at ``path``.

    ``declared`` is what the shot says (a name, alias or role). ``tags`` are the file's own: for EXR and stills
    ``colorInteropID``, ``oiio:ColorSpace``, ``chromaticities`` (8 numbers, or text with 8 numbers) and
    ``oiio:BitsPerSample``; for movies ``primaries``, ``transfer`` and ``matrix`` as FFmpeg names them.
    Raises UnknownColorSpace for a declared name that the config lacks, and ColorError, with the remedy, where the
    tags name what the config has not or nothing tells.
    """
    if declared:
        return _told(config, config.resolve(declared), "the shot")
    if kind == "movie":
        movie = tell_movie_space(config, tags)
        if movie is not None and not movie.is_default:
            return _told(config, movie.name, movie.told_by)
        ruled = _by_file_rule(config, path)
        if ruled is None and movie is not None:
            return _told(config, movie.name, movie.told_by, is_default=True)
        return ruled or _assume(config, ("g24_rec709_display", "rec1886_rec709_display"), "Rec.1886 Rec.709")
    told = _by_tags(config, tags) or _by_file_rule(config, path)
    if told is not None:
        return told
    if kind == "exr" or _is_deep_or_log(path, tags):
        raise ColorError("nothing says which colour space the picture is in", remedy=_DECLARE)
    return _assume(config, ("srgb_rec709_display", "srgb_display", "srgb_rec709_scene", "srgb_texture"), "sRGB")


def _told(config: ColorConfig, name: str, told_by: str, *, is_default: bool = False) -> ToldSpace:
    return ToldSpace(name, told_by, is_scene_linear(config, name), is_default)


def _assume(config: ColorConfig, names: Sequence[str], meant: str) -> ToldSpace:
    name = find_any(config, names)
    if name is None:
        raise ColorError(
            f"nothing says which colour space the picture is in, and the OCIO config {config.name} has no {meant}",
            remedy=_DECLARE,
        )
    return _told(config, name, f"nothing; {meant} is assumed", is_default=True)


def _is_deep_or_log(path: str, tags: Mapping[str, object]) -> bool:
    bits = str(tags.get("oiio:BitsPerSample", "8"))
    return path.lower().endswith((".dpx", ".cin", ".hdr")) or (bits.isdigit() and int(bits) > 8)


def _by_tags(config: ColorConfig, tags: Mapping[str, object]) -> ToldSpace | None:
    for key in COLOR_TAGS[:2]:
        value = str(tags.get(key, "")).strip()
        if value.lower() in _VAGUE:
            continue
        name = find_interop(config, value)
        if name is None or _is_data(config, name):
            raise ColorError(
                f"the file is tagged {key}={value!r}, which is no colour space of the OCIO config {config.name}",
                remedy=_DECLARE,
            )
        return _told(config, name, f"the file's {key}={value!r}")
    numbers = _numbers(tags.get("chromaticities"))
    return _by_chromaticities(config, numbers) if numbers else None


def _numbers(value: object) -> tuple[float, ...]:
    if value is None:
        return ()
    return tuple(float(text) for text in re.findall(r"-?\d+\.?\d*(?:[eE][-+]?\d+)?", str(value).replace("float32", "")))


def _by_chromaticities(config: ColorConfig, numbers: tuple[float, ...]) -> ToldSpace:
    for interop_id, primaries in PRIMARIES.items():
        if len(numbers) == 8 and all(abs(a - b) <= _TOLERANCE for a, b in zip(numbers, primaries, strict=True)):
            name = find_interop(config, interop_id)
            if name is not None:
                return _told(config, name, "the file's chromaticities")
    listed = " ".join(f"{number:g}" for number in numbers)
    raise ColorError(
        f"the file's chromaticities ({listed}) are those of no linear space that is known", remedy=_DECLARE
    )


def _by_file_rule(config: ColorConfig, path: str) -> ToldSpace | None:
    """What a file rule that is not the default rule says.

    The built-in configs' own rules are about every file of a kind ("all EXRs are ACES2065-1"), not about this show's
    files, so they tell nothing here; a config file's rules are a studio's word.
    """
    if config.name.startswith(_BUILT_IN_URI) or config.ocio.filepathOnlyMatchesDefaultRule(path):
        return None
    space, index = config.ocio.getColorSpaceFromFilepath(path)
    rule = config.ocio.getFileRules().getName(index)
    return _told(config, config.resolve(space), f"the file rule {rule!r} of the OCIO config {config.name}")


def _is_data(config: ColorConfig, name: str) -> bool:
    return bool(config.ocio.getColorSpace(name).isData())


def is_scene_linear(config: ColorConfig, name: str) -> bool:
    """Whether the colour space (name, alias or role) is scene-linear light.

    The role's own space is; data and display-referred spaces are not; else its encoding says, and where that is
    empty, OCIO measures. Raises UnknownColorSpace, and ColorError where OCIO cannot.
    """
    resolved = config.resolve(name)
    space = config.ocio.getColorSpace(resolved)
    if resolved == config.scene_linear:
        return True
    if space.isData() or space.getReferenceSpaceType() == ocio.REFERENCE_SPACE_DISPLAY:
        return False
    if space.getEncoding():
        return bool(space.getEncoding() == "scene-linear")
    try:
        return bool(config.ocio.isColorSpaceLinear(resolved, ocio.REFERENCE_SPACE_SCENE))
    except OCIO_ERRORS as error:
        raise ColorError(
            f"the colour space {resolved!r} of the OCIO config {config.name} cannot be used: {error}",
            remedy="check the config with `ociocheck`",
        ) from error


def is_data(config: ColorConfig, name: str) -> bool:
    """Whether the colour space (name, alias or role) holds data rather than colour. Raises UnknownColorSpace."""
    return _is_data(config, config.resolve(name))
