"""A shot that comes with wanfx: a plate, a reference picture and a shot file, and the truth about them."""

from wanfx.demo.shot import DemoTruth, demo_truth, make_demo_shot

__all__ = ["DemoTruth", "demo_truth", "make_demo_shot"]
