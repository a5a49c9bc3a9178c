"""What a file's header says of a scene-linear colour space."""

from __future__ import annotations

from typing import Any

from wanfx_color.configs import ColorConfig
from wanfx_color.names import find_interop
from wanfx_color.spaces import PRIMARIES


def linear_tags(config: ColorConfig, name: str) -> dict[str, Any]:
    """``colorInteropID`` and ``chromaticities`` of a linear space; empty where its primaries are not known."""
    resolved = config.resolve(name)
    for interop_id, primaries in PRIMARIES.items():
        if find_interop(config, interop_id) == resolved:
            return {"colorInteropID": interop_id, "chromaticities": tuple(primaries)}
    return {}
