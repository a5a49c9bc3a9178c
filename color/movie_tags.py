"""What a movie's colour tags (ITU-T H.273, by FFmpeg's names) mean in an OCIO config.

Video is display-referred: bt709-tagged code values are decoded as the reference monitor shows them (ITU-R BT.1886),
not through the inverse of the camera curve. docs/decisions/movie-transfer.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wanfx_color.configs import ColorConfig
from wanfx_color.exceptions import ColorError
from wanfx_color.names import find_interop

_UNTAGGED = frozenset({"", "unknown", "unspecified", "reserved", "none"})

# Transfers that a BT.1886 monitor decodes. The camera curves of BT.601, BT.709 and BT.2020 are one and the same.
_VIDEO = frozenset({"bt709", "smpte170m", "bt2020-10", "bt2020-12"})

# Standard-definition primaries differ from Rec.709's by at most 0.03 in x or y; no ACES config has them.
_NEARLY_REC709 = frozenset({"smpte170m", "bt470bg", "smpte240m"})

_SPACES: Mapping[tuple[str, str], str] = {
    ("video", "bt709"): "g24_rec709_display",
    ("iec61966-2-1", "bt709"): "srgb_rec709_display",
    ("iec61966-2-1", "smpte432"): "srgb_p3d65_display",
    ("gamma22", "bt709"): "g22_rec709_display",
    ("smpte2084", "bt2020"): "pq_rec2020_display",
    ("smpte2084", "smpte432"): "pq_p3d65_display",
    ("arib-std-b67", "bt2020"): "hlg_rec2020_display",
    ("linear", "bt709"): "lin_rec709_scene",
    ("linear", "bt2020"): "lin_rec2020_scene",
    ("linear", "smpte432"): "lin_p3d65_scene",
}
_HDR = frozenset({"smpte2084", "arib-std-b67"})


@dataclass(frozen=True)
class MovieSpace:
    """A colour space of the config for a movie; ``is_default`` where a part of the answer was assumed."""

    name: str
    told_by: str
    is_default: bool


def tell_movie_space(config: ColorConfig, tags: Mapping[str, object]) -> MovieSpace | None:
    """The space that ``primaries`` and ``transfer`` name; None where the movie names neither.

    Raises ColorError for tags that no colour space of the config stands for.
    """
    transfer, primaries = _tag(tags, "transfer"), _tag(tags, "primaries")
    if not transfer and not primaries:
        return None
    assumed: list[str] = []
    if not transfer:
        if primaries not in _NEARLY_REC709 | {"bt709"}:
            raise _unsupported(config, transfer, primaries)
        transfer = "bt709"
        assumed.append("BT.1886 is assumed")
    if not primaries:
        primaries = "bt2020" if transfer in _HDR else "bt709"
        assumed.append(f"{'Rec.2020' if primaries == 'bt2020' else 'Rec.709'} primaries are assumed")
    if primaries in _NEARLY_REC709 and transfer not in _HDR:
        assumed.append(f"{primaries} primaries are read as Rec.709's")
        primaries = "bt709"
    name = _find(config, transfer, primaries)
    told = [f"{key}={value}" for key in ("primaries", "transfer") if (value := _tag(tags, key))]
    return MovieSpace(name, "the movie's tags " + ", ".join([*told, *assumed]), bool(assumed))


def _tag(tags: Mapping[str, object], key: str) -> str:
    value = str(tags.get(key) or "").strip().lower()
    return "" if value in _UNTAGGED else value


def _find(config: ColorConfig, transfer: str, primaries: str) -> str:
    interop_id = _SPACES.get(("video" if transfer in _VIDEO else transfer, primaries))
    name = interop_id and find_interop(config, interop_id)
    if not name:
        raise _unsupported(config, transfer, primaries)
    return name


def _unsupported(config: ColorConfig, transfer: str, primaries: str) -> ColorError:
    return ColorError(
        f"no colour space of the OCIO config {config.name} stands for a movie tagged "
        f"primaries={primaries or 'unspecified'}, transfer={transfer or 'unspecified'}",
        remedy="name the movie's colour space in the shot (for example the camera's log space)",
    )
