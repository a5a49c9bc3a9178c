"""The keep-mask's packing: which pixel of which frame becomes which channel of which latent."""

from __future__ import annotations

import numpy as np

from wanfx.ops.keep_mask import pack_keep_mask

FRAMES, HEIGHT, WIDTH = 9, 16, 24


def test_the_first_frame_fills_the_first_latent_and_every_other_has_a_channel() -> None:
    mask = np.zeros((FRAMES, HEIGHT, WIDTH), np.float32)
    for frame in range(FRAMES):
        mask[frame, 8, 16] = frame / 10
    keep = pack_keep_mask(mask, carried_frames=0, frames=FRAMES, height=HEIGHT, width=WIDTH)
    assert keep.shape == (4, 3, 2, 3)
    assert np.allclose(keep[:, 0, 1, 2], 1)
    for frame in range(1, FRAMES):
        row = frame + 3
        assert np.isclose(keep[row % 4, row // 4, 1, 2], 1 - frame / 10)


def test_only_the_top_left_pixel_of_a_block_is_read() -> None:
    mask = np.zeros((FRAMES, HEIGHT, WIDTH), np.float32)
    mask[:, 1:8, :], mask[:, :, 1:8] = 1, 1
    keep = pack_keep_mask(mask, carried_frames=0, frames=FRAMES, height=HEIGHT, width=WIDTH)
    assert (keep[:, :, 0, 0] == 1).all()


def test_carried_frames_are_kept_whole() -> None:
    mask = np.ones((FRAMES, HEIGHT, WIDTH), np.float32)
    for carried, whole in ((1, 1), (5, 2)):
        keep = pack_keep_mask(mask, carried_frames=carried, frames=FRAMES, height=HEIGHT, width=WIDTH)
        assert (keep[:, :whole] == 1).all()
        assert (keep[:, whole:] == 0).all()


def test_without_a_mask_all_is_generated() -> None:
    keep = pack_keep_mask(None, carried_frames=0, frames=FRAMES, height=HEIGHT, width=WIDTH)
    assert not keep.any()
