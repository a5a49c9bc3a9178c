"""ONNX networks, run by onnxruntime: on a GPU where it has one, else on one thread of the CPU, with the same bits."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.backends.seen_files import find_folder
from wanfx.backends.weights import ModelSet, fetch_command
from wanfx.errors import MissingError

THREADS = 1
"""Fixed, because what is added up depends in its last bits on how the work is shared out."""
_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_ERRORS_ONLY = 3


class OnnxNet:
    """One network of one input and one output."""

    def __init__(self, models: ModelSet) -> None:
        """Raises MissingError where onnxruntime or the set is not there, a file was changed, or it is no network."""
        try:
            runtime: Any = importlib.import_module("onnxruntime")
        except ImportError as error:
            raise MissingError(
                "onnxruntime is not installed", remedy=f"run `pip install 'wanfx[{models.extra}]'`"
            ) from error
        path = _find_network(models)
        try:
            self._session: Any = runtime.InferenceSession(
                str(path), _session_options(runtime), providers=_providers(runtime)
            )
        except _load_errors() as error:
            reason = str(error).strip().partition("\n")[0]
            raise MissingError(
                f"is not a network that can be run ({reason})", path=path, remedy=f"run `{fetch_command(models)}`"
            ) from error
        self._input: str = self._session.get_inputs()[0].name
        self._output: str = self._session.get_outputs()[0].name

    def run(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The first output for ``values``, of whatever shape the network was made for."""
        (out,) = self._session.run([self._output], {self._input: values})
        return np.asarray(out, np.float32)


def _find_network(models: ModelSet) -> Path:
    """The set's one ONNX file; its numbers may be in files beside it. Every file's hash is checked."""
    folder = find_folder(models)
    names = [file.name for file in models.contents if file.name.endswith(".onnx")]
    if len(names) != 1:
        raise MissingError(
            f"the {models.name} models hold {len(names)} networks, not one", path=folder,
            remedy=f"run `{fetch_command(models)}` from the repository as it was published",
        )  # fmt: skip
    return folder / names[0]


def _load_errors() -> tuple[type[Exception], ...]:
    """onnxruntime's own errors, which have no class in common."""
    state = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    return tuple(one for one in vars(state).values() if isinstance(one, type) and issubclass(one, Exception))


def _session_options(runtime: Any) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = THREADS
    options.use_deterministic_compute = True
    options.log_severity_level = _ERRORS_ONLY
    # What goes beyond this lays numbers out for the CPU at hand.
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    return options


def _providers(runtime: Any) -> list[Any]:
    if _CUDA not in runtime.get_available_providers():
        return [_CPU]
    # Searching for the quickest algorithm would choose anew in every process.
    return [(_CUDA, {"cudnn_conv_algo_search": "DEFAULT", "use_tf32": "0"}), _CPU]
