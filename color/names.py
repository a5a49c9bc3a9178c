"""The same colour space under the names that different configs give it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import PyOpenColorIO as ocio

from wanfx_color.configs import ColorConfig

# Color Interop Forum ids, and what configs from before the ids call the same spaces.
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "lin_ap1_scene": ("lin_ap1", "ACEScg"),
    "lin_ap0_scene": ("lin_ap0", "ACES2065-1"),
    "lin_rec709_scene": ("lin_rec709", "lin_rec709_srgb", "lin_srgb", "Linear Rec.709 (sRGB)", "Linear Rec.709"),
    "lin_p3d65_scene": ("lin_p3d65", "Linear P3-D65"),
    "lin_rec2020_scene": ("lin_rec2020", "Linear Rec.2020"),
    "srgb_rec709_scene": ("srgb_texture", "srgb_tx", "sRGB - Texture", "sRGB Encoded Rec.709 (sRGB)", "sRGB"),
    "srgb_rec709_display": ("srgb_display", "sRGB - Display", "sRGB"),
    "srgb_p3d65_display": ("displayp3_display", "Display P3 - Display"),
    "g22_rec709_scene": ("g22_rec709", "Gamma 2.2 Rec.709 - Texture"),
    "g22_rec709_display": ("g22_rec709_display", "Gamma 2.2 Rec.709 - Display"),
    "g24_rec709_scene": ("g24_rec709", "Gamma 2.4 Rec.709 - Texture"),
    "g24_rec709_display": ("rec1886_rec709_display", "Rec.1886 Rec.709 - Display", "Rec.1886"),
    "pq_rec2020_display": ("rec2100_pq_display", "Rec.2100-PQ - Display"),
    "pq_p3d65_display": ("st2084_p3d65_display", "ST2084-P3-D65 - Display"),
    "hlg_rec2020_display": ("rec2100_hlg_display", "Rec.2100-HLG - Display"),
    "g26_p3d65_display": ("p3d65_display", "P3-D65 - Display"),
}


def find_interop(config: ColorConfig, name: str) -> str | None:
    """The config's colour space with this Color Interop Forum id, name or alias, by its own name; else None."""
    for space in config.ocio.getColorSpaces(ocio.SEARCH_REFERENCE_SPACE_ALL, ocio.COLORSPACE_ALL):
        if space.getInteropID() == name:
            return str(space.getName())
    return find_any(config, (name, *_OTHER_NAMES.get(name, ())))


def find_any(config: ColorConfig, names: Iterable[str]) -> str | None:
    """The first of these (ids, names or aliases) that the config has, by its own name; None where it has none."""
    for name in names:
        for candidate in (name, *_OTHER_NAMES.get(name, ())):
            found = config.find(candidate)
            if found is not None:
                return found
    return None
