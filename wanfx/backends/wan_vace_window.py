"""One window of Wan2.1-VACE: what the model is given, and the steps from noise to frames.

Around the components of diffusers' WanVACEPipeline (0.42), with frames as floats: there they are 8-bit pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.backends.wan_cache import forget_steps
from wanfx.backends.wan_places import Clock, Places
from wanfx.backends.wan_sampling import draw_noise, guide, sample
from wanfx.backends.wan_vae import WanVae
from wanfx.ops.vace_mask import pack_vace_mask

Array = npt.NDArray[np.float32]
_SPLIT = np.float32(0.5)


@dataclass(frozen=True, eq=False)
class VaceWindow:
    """A window's conditioning: frames 4n + 1, H and W multiples of 16.

    ``video`` (frames, H, W, 3) in [-1, 1], 0 (middle grey) where nothing is known; ``mask`` (frames, H, W) in [0, 1],
    1 where the model generates. ``references`` are pictures (H, W, 3) in [-1, 1], in the order in which the model is
    to see them.
    """

    video: Array
    mask: Array
    references: tuple[Array, ...] = ()


@dataclass(frozen=True, eq=False)
class VaceText:
    """What the prompt and, where there is guidance, the negative prompt say: (1, 512, channels)."""

    features: Any
    negative_features: Any | None = None


class VaceNetworks:
    """The networks in memory; ``transformer`` and ``scheduler`` are diffusers' own."""

    def __init__(
        self, *, transformer: Any, vae: Any, scheduler: Any, torch: Any, places: Places, clock: Clock | None = None
    ) -> None:
        self.torch, self.device = torch, places.device
        self._places, self._clock = places, clock or Clock()
        self.transformer, self.scheduler = transformer, scheduler
        self.vae = WanVae(vae, torch=torch, places=places)
        self.dtype = transformer.dtype

    def settle(self, text: VaceText) -> VaceText:
        """The text's features where the transformer takes them."""
        found, away = text.features, text.negative_features
        there = (one if one is None else one.to(self.device, self.dtype) for one in (found, away))
        return VaceText(*there)

    def draw_noise(self, window: VaceWindow, *, seed: int) -> Any:
        """The noise of a window and of its references."""
        frames, height, width, _channels = window.video.shape
        latents = self.vae.latent_frames(frames) + len(window.references)
        size = (height // self.vae.pixels, width // self.vae.pixels)
        return draw_noise((1, self.vae.channels, latents, *size), seed=seed, torch=self.torch)

    def generate(
        self, window: VaceWindow, text: VaceText, *, noise: Any, steps: int, guidance_scale: float = 5.0,
        conditioning_scale: float = 1.0, on_step: Callable[[int], None] | None = None,
    ) -> Array:  # fmt: skip
        """The window's frames (frames, H, W, 3), kept ones included, float32 in [-1, 1]."""
        torch = self.torch
        with torch.inference_mode():
            control = self._control(window).to(self.device, self.dtype)
            scale = torch.full((len(self.transformer.config.vace_layers),), conditioning_scale)
            scale = scale.to(self.device, self.dtype)

            def predict(latents: Any, time: Any) -> Any:
                def run(features: Any, name: str) -> Any:
                    with self.transformer.cache_context(name):
                        return self.transformer(
                            hidden_states=latents.to(self.dtype), timestep=time.expand(1),
                            encoder_hidden_states=features, control_hidden_states=control,
                            control_hidden_states_scale=scale, return_dict=False,
                        )[0]  # fmt: skip

                found = run(text.features, "cond")
                if guidance_scale <= 1:
                    return found
                return guide(found, run(text.negative_features, "uncond"), scale=guidance_scale)

            with self._places.at_work(self.transformer, is_hooked=True):
                latents = sample(
                    predict, scheduler=self.scheduler, noise=noise, steps=steps, device=self.device,
                    clock=self._clock, on_step=on_step,
                )  # fmt: skip
                forget_steps(self.transformer)
            video = self.vae.decode(latents[:, :, len(window.references) :])
        return np.ascontiguousarray(video[0].permute(1, 2, 3, 0).float().cpu().numpy())

    def _control(self, window: VaceWindow) -> Any:
        """What is kept and what is to change, encoded apart, over the mask; the references before them in time."""
        torch = self.torch
        changes = (window.mask > _SPLIT)[..., None]
        kept = self.vae.encode(self._video(np.where(changes, np.float32(0), window.video)))
        changed = self.vae.encode(self._video(np.where(changes, window.video, np.float32(0))))
        mask = torch.from_numpy(pack_vace_mask(window.mask))[None].to(kept)
        whole = torch.cat([kept, changed, mask], dim=1)
        pictures = [self.vae.encode(self._video(picture[None])) for picture in window.references]
        empty = whole.new_zeros((1, whole.shape[1] - self.vae.channels, 1, *whole.shape[3:]))
        return torch.cat([*(torch.cat([picture, empty], dim=1) for picture in pictures), whole], dim=2)

    def _video(self, frames: Array) -> Any:
        return self.torch.from_numpy(np.ascontiguousarray(frames.transpose(3, 0, 1, 2)))[None]
