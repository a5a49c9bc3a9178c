"""wanfx_color: OpenColorIO configs, transforms and the one place where scene-linear meets a model's range."""
