"""A shot that wanfx makes itself: a plate, a reference picture and a shot file, from nothing but numbers."""

from wanfx.demo.shot import make_demo_shot

__all__ = ["make_demo_shot"]
