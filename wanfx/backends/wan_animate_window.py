"""One window of Wan2.2-Animate: what the model is given, and the steps from noise to frames.

Around the components of diffusers' WanAnimatePipeline (0.42), which holds a whole shot in memory and looks at the face
anew in every step; a window here needs nothing but its own frames, and is the same to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.backends.wan_cache import forget_steps
from wanfx.backends.wan_places import Clock, Places
from wanfx.backends.wan_sampling import draw_noise, guide, sample
from wanfx.backends.wan_vae import WanVae
from wanfx.ops.keep_mask import pack_keep_mask

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AnimateWindow:
    """A window's conditioning, float32 in [-1, 1]: frames 4n + 1, H and W multiples of 16.

    ``pose`` (frames, H, W, 3), ``face`` (frames, side, side, 3). ``background`` (frames, H, W, 3) and ``mask``
    (frames, H, W), 1 where the character is generated, are given in `replace`, and neither in `animate`. ``carried``
    (1 or 5, H, W, 3) are the frames before, as they are to stay.
    """

    pose: Array
    face: Array
    background: Array | None = None
    mask: Array | None = None
    carried: Array | None = None


@dataclass(frozen=True, eq=False)
class Character:
    """The reference, encoded once a shot: latents with their mask (1, 20, 1, h, w), CLIP's features, text's."""

    latents: Any
    image_features: Any
    text_features: Any
    negative_features: Any | None = None


class AnimateNetworks:
    """The networks in memory; ``transformer`` and ``scheduler`` are diffusers' own."""

    def __init__(
        self, *, transformer: Any, vae: Any, scheduler: Any, torch: Any, places: Places, clock: Clock | None = None
    ) -> None:
        self.torch, self.device = torch, places.device
        self._places, self._clock = places, clock or Clock()
        self.transformer, self.scheduler = transformer, scheduler
        self.vae = WanVae(vae, torch=torch, places=places)
        # A hook of offloading hides a module's own type, but never its parameters'.
        self.dtype = transformer.dtype

    def encode_reference(self, picture: Array) -> Any:
        """The latents of the letterboxed reference (H, W, 3) in [-1, 1] under their mask of ones: (1, 20, 1, h, w)."""
        latents = self.vae.encode(self._video(picture[None]))
        return self.torch.cat([self.torch.ones_like(latents[:, :4]), latents], dim=1)

    def settle(self, features: Any) -> Any:
        """Text or CLIP features where the transformer takes them."""
        return features.to(self.device, self.dtype)

    def face_networks(self) -> AbstractContextManager[None]:
        """The two networks that look at faces, where they can be called by themselves."""
        return self._places.parts_at_work(self.transformer.motion_encoder, self.transformer.face_encoder)

    @property
    def face_px(self) -> int:
        """The side of the pictures of faces."""
        return int(self.transformer.config.motion_encoder_size)

    def draw_noise(self, window: AnimateWindow, *, seed: int) -> Any:
        """The noise of a window and of its reference."""
        frames, height, width, _channels = window.pose.shape
        shape = (1, self.vae.channels, self.vae.latent_frames(frames) + 1)
        size = (height // self.vae.pixels, width // self.vae.pixels)
        return draw_noise((*shape, *size), seed=seed, torch=self.torch)

    def generate(
        self, window: AnimateWindow, character: Character, *, noise: Any, steps: int, guidance_scale: float = 1.0,
        on_step: Callable[[int], None] | None = None,
    ) -> Array:  # fmt: skip
        """The window's frames (frames, H, W, 3), carried ones included, float32 in [-1, 1]."""
        with self.torch.inference_mode():
            condition = self.torch.cat([character.latents, self._condition(window)], dim=2)
            pose = self.vae.encode(self._video(window.pose)).to(self.device, self.dtype)
            with self._places.at_work(self.transformer, is_hooked=True):
                denoise = _Denoiser(self, window.face, character, pose, guidance_scale=guidance_scale)

                def predict(latents: Any, time: Any) -> Any:
                    return denoise(self.torch.cat([latents, condition.to(latents)], dim=1).to(self.dtype), time)

                latents = sample(
                    predict, scheduler=self.scheduler, noise=noise, steps=steps, device=self.device,
                    clock=self._clock, on_step=on_step,
                )  # fmt: skip
                forget_steps(self.transformer)
            # The first latent is the reference's.
            video = self.vae.decode(latents[:, :, 1:])
        return np.ascontiguousarray(video[0].permute(1, 2, 3, 0).float().cpu().numpy())

    def _condition(self, window: AnimateWindow) -> Any:
        """What is known of the window before it is made, under its keep-mask: (1, 20, latents, h, w)."""
        frames, height, width, _channels = window.pose.shape
        # What is unknown is grey in `animate`; in `replace` the background has its own hole.
        known = np.zeros_like(window.pose) if window.background is None else window.background.copy()
        count = 0 if window.carried is None else len(window.carried)
        if window.carried is not None:
            known[:count] = window.carried
        keep = pack_keep_mask(window.mask, carried_frames=count, frames=frames, height=height, width=width)
        latents = self.vae.encode(self._video(known))
        return self.torch.cat([self.torch.from_numpy(keep)[None].to(latents), latents], dim=1)

    def _video(self, frames: Array) -> Any:
        return self.torch.from_numpy(np.ascontiguousarray(frames.transpose(3, 0, 1, 2)))[None]


class _Denoiser:
    """What the transformer makes of noisy latents; the face is looked at once."""

    def __init__(
        self, networks: AnimateNetworks, face: Array, character: Character, pose: Any, *, guidance_scale: float
    ) -> None:
        self._networks, self._character, self._pose = networks, character, pose
        self._guidance_scale = guidance_scale
        black = np.full_like(face[:1], -1)
        with networks.face_networks():
            self._motion = _find_motion(networks, face)
            # Guidance is away from another text and from no face, which to the model is black.
            self._no_motion = _find_motion(networks, black, frames=len(face)) if self._guided else None

    @property
    def _guided(self) -> bool:
        return self._guidance_scale > 1

    def __call__(self, latents: Any, time: Any) -> Any:
        character = self._character
        found = self._run(latents, time, character.text_features, self._motion, name="cond")
        if not self._guided:
            return found
        away = self._run(latents, time, character.negative_features, self._no_motion, name="uncond")
        return guide(found, away, scale=self._guidance_scale)

    def _run(self, latents: Any, time: Any, text: Any, motion: Any, *, name: str) -> Any:
        transformer = self._networks.transformer
        with _remembered(self._networks, motion), transformer.cache_context(name):
            return transformer(
                hidden_states=latents, timestep=time.expand(1), encoder_hidden_states=text,
                encoder_hidden_states_image=self._character.image_features, pose_hidden_states=self._pose,
                face_pixel_values=latents.new_zeros((1, 3, 1, 1, 1)), return_dict=False,
            )[0]  # fmt: skip


def _find_motion(networks: AnimateNetworks, face: Array, *, frames: int | None = None) -> Any:
    """What the face does (1, latents, tokens, channels); ``frames`` repeats a single face."""
    torch, transformer = networks.torch, networks.transformer
    pictures = torch.from_numpy(np.ascontiguousarray(face.transpose(0, 3, 1, 2))).to(networks.device, networks.dtype)
    with torch.inference_mode():
        batches = pictures.split(transformer.config.motion_encoder_batch_size)
        motion = torch.cat([transformer.motion_encoder(batch) for batch in batches])
        if frames is not None:
            motion = motion.expand(frames, *motion.shape[1:])
        return transformer.face_encoder(motion.reshape(1, len(motion), -1))


@contextmanager
def _remembered(networks: AnimateNetworks, motion: Any) -> Iterator[None]:
    """The transformer with what is known of the face in place of the networks that find it."""
    transformer, answers = networks.transformer, [networks.torch.nn.Module() for _ in range(2)]
    answers[0].forward = lambda face: face.new_zeros((len(face), 1))
    answers[1].forward = lambda _vectors: motion
    kept = transformer.motion_encoder, transformer.face_encoder
    transformer.motion_encoder, transformer.face_encoder = answers
    try:
        yield
    finally:
        transformer.motion_encoder, transformer.face_encoder = kept
