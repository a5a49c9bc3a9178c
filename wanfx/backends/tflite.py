"""Small networks in tflite files, run on the CPU with a fixed number of threads: the same bits in every run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Array
from wanfx.errors import MissingError

THREADS = 2


class Net:
    """One network: a picture in, its outputs out."""

    def __init__(self, path: Path) -> None:
        """Raises MissingError where ai-edge-litert is not installed, or the file is not a network."""
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise MissingError("ai-edge-litert is not installed", remedy="pip install 'wanfx[lite]'") from error
        try:
            with _quiet():
                self._interpreter: Any = Interpreter(str(path), num_threads=THREADS)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise MissingError(
                f"is not a network that can be run ({error})", path=path, remedy="run `wanfx models fetch lite`"
            ) from error
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        self._outputs: list[int] = [detail["index"] for detail in self._interpreter.get_output_details()]
        self.side_px = int(self._interpreter.get_input_details()[0]["shape"][1])

    def run(self, picture: Array) -> list[Array]:
        """The outputs for a picture (side_px, side_px, 3), in whatever range the network was trained on."""
        self._interpreter.set_tensor(self._input, np.ascontiguousarray(picture[None], np.float32))
        self._interpreter.invoke()
        return [np.array(self._interpreter.get_tensor(index)[0], np.float32) for index in self._outputs]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines that the runtime writes to stderr from C++ each time a network is loaded."""
    try:
        keep = os.dup(2)
    except OSError:
        # A process without a console has no stderr to keep quiet.
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(keep, 2)
        os.close(keep)
        os.close(sink)


def logistic(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """1 / (1 + e^-x), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(values, np.float64))))
