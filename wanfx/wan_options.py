"""The options of Wan's video models, and what the three qualities mean. Standard library only, Python 3.9 and later."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Dict, Literal, Optional

from wanfx.errors import OptionError
from wanfx.knobs import Knob

WanQuality = Literal["preview", "fast", "final"]


@dataclass(frozen=True)
class WanOptions:
    """How Wan's models run; what is not given is as the quality (generate.quality) has it."""

    steps: Annotated[Optional[int], Knob("Steps from noise to picture", "", 1, 200)] = None
    guidance_scale: Annotated[
        Optional[float], Knob("Classifier-free guidance: 1 is off; more takes twice the time", "", 1, 20)
    ] = None
    flow_shift: Annotated[Optional[float], Knob("Shift of the scheduler's noise levels", "", 0.1, 100)] = None
    size: Annotated[
        Literal["auto", "480p", "720p"], Knob("Pixels of the model's picture: as 832x480 or 1280x720 have them")
    ] = "auto"
    model: Annotated[
        Literal["auto", "14b", "1.3b"], Knob("Size of Wan2.1-VACE, for wan-vace; auto: the best that is installed")
    ] = "auto"
    carried_frames: Annotated[
        Literal["auto", "1", "5", "9", "13", "17"],
        Knob("Frames that each window takes over from the one before: wan-animate 1 or 5, wan-vace any", "frames"),
    ] = "auto"
    dtype: Annotated[Literal["bfloat16", "float16", "float32"], Knob("Number type of the transformer")] = "bfloat16"
    offload: Annotated[
        Literal["auto", "none", "model", "group", "sequential"],
        Knob("What waits in main memory: nothing, one network of two, all but some blocks, all but one layer"),
    ] = "auto"
    vae_tiling: Annotated[
        Literal["off", "on"], Knob("Encode and decode pictures in overlapping tiles: less memory, other last digits")
    ] = "off"
    attention: Annotated[
        Literal["native", "flash", "_flash_3", "sage", "xformers"], Knob("Attention backend, as diffusers names it")
    ] = "native"
    compile: Annotated[bool, Knob("Compile the transformer's blocks: slow to start, faster in every step")] = False
    fp8: Annotated[bool, Knob("Hold the transformer's weights in 8 bits: half the memory, a little less exact")] = False
    cache: Annotated[
        Literal["auto", "off", "attention"],
        Knob("Take every second step's attention from the step before, in the middle of the way; needs memory"),
    ] = "auto"
    lora: Annotated[
        Optional[str], Knob("File of a LoRA for the transformer, as one that needs fewer steps", is_path=True)
    ] = None
    lora_scale: Annotated[float, Knob("Strength of that LoRA", "", 0, 2)] = 1.0
    relight_lora: Annotated[
        Optional[str],
        Knob("File of Wan-Animate's relighting LoRA, which fits the character to the plate's light", is_path=True),
    ] = None


_Preset = Dict[str, Dict[str, object]]
_ANIMATE_PRESETS: _Preset = {
    "final": {"steps": 20, "size": "720p", "cache": "off"},
    "fast": {"steps": 20, "size": "720p", "cache": "attention"},
    "preview": {"steps": 10, "size": "480p", "cache": "attention"},
}
# VACE's own steps, guidance and shift; its smaller network knows no larger pictures than 480p.
_VACE: Dict[str, object] = {"guidance_scale": 5.0, "flow_shift": 16.0}
_VACE_PRESETS: _Preset = {
    "final": {"steps": 50, "size": "720p", "cache": "off", **_VACE},
    "fast": {"steps": 25, "size": "720p", "cache": "attention", **_VACE},
    "preview": {"steps": 15, "size": "480p", "cache": "attention", **_VACE},
}
_PRESETS: Dict[str, _Preset] = {
    "wan-animate": _ANIMATE_PRESETS,
    "wan-vace-14b": _VACE_PRESETS,
    "wan-vace-1.3b": {quality: {**preset, "size": "480p"} for quality, preset in _VACE_PRESETS.items()},
}
QUALITIES = tuple(_ANIMATE_PRESETS)


def resolve_quality(options: WanOptions, quality: str, *, network: str = "wan-animate") -> WanOptions:
    """``options`` with what the quality says for all that was not given. Raises OptionError for an unknown quality.

    >>> resolve_quality(WanOptions(steps=4), "fast").steps, resolve_quality(WanOptions(), "preview").size
    (4, '480p')
    """
    presets = _PRESETS[network]
    if quality not in presets:
        raise OptionError(f"{quality!r} is no quality of Wan's models", key="generate.quality", remedy="use final")
    changes = {name: value for name, value in presets[quality].items() if getattr(options, name) in (None, "auto")}
    return dataclasses.replace(options, **changes)  # type: ignore[arg-type]
