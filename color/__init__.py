"""wanfx_color: OpenColorIO configs, transforms and the one place where scene-linear meets a model's range."""

from wanfx_color.configs import BUILT_IN, ColorConfig, load_config
from wanfx_color.exceptions import ColorError, UnknownColorSpace
from wanfx_color.model_space import ModelSpace, log_average_stops, suggest_exposure
from wanfx_color.spaces import ToldSpace, is_data, is_scene_linear, tell_color_space
from wanfx_color.transforms import (
    Converter,
    DisplayConverter,
    converter,
    display_converter,
    from_linear_rec709,
    to_linear_rec709,
    to_srgb_display,
)

__all__ = [
    "BUILT_IN",
    "ColorConfig",
    "ColorError",
    "Converter",
    "DisplayConverter",
    "ModelSpace",
    "ToldSpace",
    "UnknownColorSpace",
    "converter",
    "display_converter",
    "from_linear_rec709",
    "is_data",
    "is_scene_linear",
    "load_config",
    "log_average_stops",
    "suggest_exposure",
    "tell_color_space",
    "to_linear_rec709",
    "to_srgb_display",
]
