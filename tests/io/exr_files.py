"""EXR files as other applications write them, made with OpenEXR directly."""

from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

EVERY_HALF = np.arange(65536, dtype=np.uint16).view(np.float16).reshape(256, 256)


def write_raw(path: Path, *parts: tuple[str, dict[str, Any]], **header: Any) -> Path:
    """Write parts of (name, channels), with OpenEXR itself."""
    common = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION, **header}
    OpenEXR.File([OpenEXR.Part(dict(common), dict(channels), name) for name, channels in parts]).write(str(path))
    return path


def plane(value: float, dtype: Any = np.float16) -> Any:
    return np.full((6, 8), value, dtype)


def layer(prefix: str, value: float, components: str = "RGB", dtype: Any = np.float16) -> dict[str, Any]:
    """Channels of constant value, a little more for each component."""
    return {f"{prefix}{name}": plane(value + index, dtype) for index, name in enumerate(components)}
