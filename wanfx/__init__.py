"""wanfx: character-replace plates in scene-linear EXR, proven identical to the plate outside the edit."""

__version__ = "0.1.0"
