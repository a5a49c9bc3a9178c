"""Wan's video autoencoder: pixels in [-1, 1] to standardized latents and back, in float32."""

from __future__ import annotations

from typing import Any

from wanfx.backends.wan_places import Places


class WanVae:
    """``vae`` is diffusers' AutoencoderKLWan. Videos are (1, 3, frames, H, W).

    Latents are (1, 16, latents, H / 8, W / 8).
    """

    def __init__(self, vae: Any, *, torch: Any, places: Places) -> None:
        self._vae, self._torch, self._places = vae, torch, places
        shape = (1, vae.config.z_dim, 1, 1, 1)
        self._mean = torch.tensor(vae.config.latents_mean).view(shape)
        self._factor = 1.0 / torch.tensor(vae.config.latents_std).view(shape)
        self.channels: int = vae.config.z_dim
        self.pixels: int = vae.config.scale_factor_spatial
        self.frames: int = vae.config.scale_factor_temporal

    def encode(self, video: Any) -> Any:
        """Without gradients, as all here: the mode of the posterior, less the latents' mean, over their deviation."""
        with self._torch.inference_mode(), self._places.at_work(self._vae):
            found = self._vae.encode(video.to(self._places.device, self._vae.dtype)).latent_dist.mode()
        return (found - self._mean.to(found)) * self._factor.to(found)

    def decode(self, latents: Any) -> Any:
        """Pixels of standardized latents; the autoencoder itself ends at -1 and 1."""
        latents = latents.to(self._places.device, self._vae.dtype)
        with self._torch.inference_mode(), self._places.at_work(self._vae):
            return self._vae.decode(latents / self._factor.to(latents) + self._mean.to(latents), return_dict=False)[0]

    def latent_frames(self, frames: int) -> int:
        """Latents that ``frames`` (4n + 1) pixel frames take."""
        return (frames - 1) // self.frames + 1
