"""Real ONNX files with crafted outputs: detectors and whole-body networks of a few nodes, which onnxruntime runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

from wanfx.cli.main import main

POSE_INPUT, POSE_OUTPUT = (1, 3, 256, 192), (1, 133, 64, 48)
DETECTOR_INPUT, DETECTOR_OUTPUT = (1, 3, 640, 640), (1, 300, 6)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
_STRIDE = 4


def save_channel_pose(path: Path, *, maps: int = 133) -> None:
    """Map k is the mean of 4x4 pixels of the input's channel k % 3: its peak is where that channel is brightest."""
    weights = np.zeros((maps, 3, _STRIDE, _STRIDE), np.float32)
    weights[np.arange(maps), np.arange(maps) % 3] = 1 / _STRIDE**2
    node = helper.make_node("Conv", ["input", "weights"], ["output"], strides=[_STRIDE, _STRIDE])
    _save(path, [node], {"weights": weights}, POSE_INPUT, (1, maps, *POSE_OUTPUT[2:]))


def save_template_pose(path: Path, places: np.ndarray[Any, Any], *, peak: Any = 0.9) -> None:
    """Every point a round peak at ``places`` (133, 2), in parts of the crop, whatever the picture.

    ``peak`` is how high, for all or for each (133,). Its numbers lie in a file beside it, as the published model's do.
    """
    down, across = np.mgrid[:64, :48].astype(np.float32)
    x, y = (places * (48, 64)).T[..., None, None]
    heights = np.broadcast_to(np.asarray(peak), (133,))[:, None, None]
    maps = (heights * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 8)).astype(np.float32)[None]
    nodes = [
        helper.make_node("ReduceMean", ["input", "all"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "maps"], ["output"]),
    ]
    numbers = {"all": np.arange(4, dtype=np.int64), "nothing": np.zeros((1,), np.float32), "maps": maps}
    _save(path, nodes, numbers, POSE_INPUT, POSE_OUTPUT, beside="numbers")


def save_fixed_detector(path: Path, rows: list[tuple[float, ...]]) -> None:
    """The same ``rows`` for every picture: x0, y0, x1, y1 in pixels of 640 by 640, score, class."""
    table = np.zeros(DETECTOR_OUTPUT, np.float32)
    for index, row in enumerate(rows):
        table[0, index] = row
    nodes = [
        helper.make_node("ReduceMean", ["input", "all"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "rows"], ["output"]),
    ]
    numbers = {"all": np.arange(4, dtype=np.int64), "nothing": np.zeros((1,), np.float32), "rows": table}
    _save(path, nodes, numbers, DETECTOR_INPUT, DETECTOR_OUTPUT)


def save_color_detector(path: Path) -> None:
    """Two rows, each with the box of what is purely red or purely blue in the picture; nobody where there is none."""
    nodes, boxes = [], []
    for name, channel, others in (("red", 0, (1, 2)), ("blue", 2, (0, 1))):
        nodes += _box_nodes(name, channel, others)
        boxes.append(f"{name}_row")
    nodes += [
        helper.make_node("Concat", [*boxes, "rest"], ["table"], axis=0),
        helper.make_node("Unsqueeze", ["table", "first"], ["output"]),
    ]
    numbers = {
        "ramp": np.arange(640, dtype=np.float32), "far": np.array(1e4, np.float32), "near": np.array(-1, np.float32),
        "one": np.ones(1, np.float32), "half": np.array(0.5, np.float32), "kind": np.zeros(1, np.float32),
        "first": np.zeros(1, np.int64), "rest": np.zeros((298, 6), np.float32),
        **{f"channel{index}": np.array(index, np.int64) for index in range(3)},
        "flat": np.array([1, 6], np.int64), "score": np.array([0.8], np.float32), "axis0": np.array([0], np.int64),
        "axis1": np.array([1], np.int64), "axis2": np.array([2], np.int64), "batch": np.array(0, np.int64),
    }  # fmt: skip
    _save(path, nodes, numbers, DETECTOR_INPUT, DETECTOR_OUTPUT)


def _box_nodes(name: str, channel: int, others: tuple[int, int]) -> list[Any]:
    def of(text: str) -> str:
        return f"{name}_{text}"

    make = helper.make_node
    nodes = [
        make("Gather", ["input", "batch"], [of("picture")], axis=0),
        *(make("Gather", [of("picture"), f"channel{index}"], [of(f"c{index}")], axis=0) for index in range(3)),
        make("Max", [of(f"c{others[0]}"), of(f"c{others[1]}")], [of("other")]),
        make("Sub", [of(f"c{channel}"), of("other")], [of("lead")]),
        make("Greater", [of("lead"), "half"], [of("is_lit")]),
        make("Cast", [of("is_lit")], [of("lit")], to=TensorProto.FLOAT),
    ]
    for side, axis in (("x", "axis0"), ("y", "axis1")):
        nodes += [
            make("ReduceMax", [of("lit"), axis], [of(f"{side}_lit")], keepdims=0),
            make("Greater", [of(f"{side}_lit"), "half"], [of(f"{side}_is")]),
            make("Where", [of(f"{side}_is"), "ramp", "far"], [of(f"{side}_low")]),
            make("ReduceMin", [of(f"{side}_low"), "axis0"], [of(f"{side}0")], keepdims=1),
            make("Where", [of(f"{side}_is"), "ramp", "near"], [of(f"{side}_high")]),
            make("ReduceMax", [of(f"{side}_high"), "axis0"], [of(f"{side}_last")], keepdims=1),
            make("Add", [of(f"{side}_last"), "one"], [of(f"{side}1")]),
        ]
    return [
        *nodes,
        make("ReduceMax", [of("x_lit"), "axis0"], [of("any")], keepdims=1),
        make("Mul", [of("any"), "score"], [of("score")]),
        make("Concat", [of("x0"), of("y0"), of("x1"), of("y1"), of("score"), "kind"], [of("flat")], axis=0),
        make("Reshape", [of("flat"), "flat"], [of("row")]),
    ]


def _save(
    path: Path, nodes: list[Any], numbers: dict[str, Any], given: tuple[int, ...], made: tuple[int, ...], *,
    beside: str | None = None,
) -> None:  # fmt: skip
    graph = helper.make_graph(
        nodes, "fake", [helper.make_tensor_value_info("input", TensorProto.FLOAT, given)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, made)],
        [numpy_helper.from_array(value, name) for name, value in numbers.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    if beside is None:
        save(model, path)
    else:
        save(model, path, save_as_external_data=True, location=beside, size_threshold=1024)


def pose_place(repository: Path) -> Path:
    """Where the whole-body network lies in a copy of the published repository."""
    return repository / "process_checkpoint" / "pose2d" / "vitpose_h_wholebody.onnx" / "end2end.onnx"


def detector_place(repository: Path) -> Path:
    """Where the detector lies there."""
    return repository / "process_checkpoint" / "det" / "yolov10m.onnx"


def fetch_fakes(repository: Path) -> None:
    """Fetch what such a copy holds into the models folder, as anyone would."""
    if pose_place(repository).parent.exists():
        assert main(["models", "fetch", "vitpose-wholebody", "--from", str(repository), "--revision", COMMIT]) == 0
    if detector_place(repository).is_file():
        flags = ["--revision", COMMIT, "--accept-licence", "AGPL-3.0"]
        assert main(["models", "fetch", "yolov10m", "--from", str(repository), *flags]) == 0
