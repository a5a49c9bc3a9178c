"""What all tests share: one thread a process, no OCIO config from outside, and the same examples in every run."""

from __future__ import annotations

import os

# Before numpy, OpenCV or OCIO are imported: they read these once.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.pop("OCIO", None)

import cv2
from hypothesis import settings

cv2.setNumThreads(1)
settings.register_profile("wanfx", derandomize=True, deadline=None)
settings.load_profile("wanfx")
