"""Model files: which there are, where they lie, and whether they are what they should be.

They lie in ``$WANFX_MODELS``, or else in the user's data folder. Nothing is ever fetched from here on its own.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from wanfx.errors import MissingError
from wanfx.io.atomic import sha256_file

MODELS_FOLDER = "WANFX_MODELS"


@dataclass(frozen=True)
class ModelSet:
    """Files that belong together: ``files`` is file name to SHA-256; ``module`` the Python module that runs them."""

    name: str
    revision: str
    licence: str
    module: str
    extra: str
    files: Mapping[str, str]


LITE = ModelSet(
    name="lite",
    revision="mediapipe-0.10.21",
    licence="Apache-2.0",
    module="ai_edge_litert",
    extra="lite",
    files=MappingProxyType(
        {
            "pose_detection.tflite": "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
            "pose_landmark_full.tflite": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
            "hand_landmark_full.tflite": "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
            "hand_recrop.tflite": "67d996ce96f9d36fe17d2693022c6da93168026ab2f028f9e2365398d8ac7d5d",
            "palm_detection_full.tflite": "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
            "face_detection_short_range.tflite": "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
            "face_landmark.tflite": "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
            "selfie_segmentation.tflite": "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
        }
    ),
)
MODEL_SETS: Mapping[str, ModelSet] = MappingProxyType({LITE.name: LITE})


def models_folder() -> Path:
    """Where model files lie: ``$WANFX_MODELS``, else ``wanfx/models`` in the user's data folder."""
    given = os.environ.get(MODELS_FOLDER)
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "wanfx" / "models"


def set_folder(models: ModelSet) -> Path:
    """Where a set's files lie, a folder a revision."""
    return models_folder() / models.name / models.revision


def is_installed(name: str) -> bool:
    """Whether a set's files and the module that runs them are there."""
    models = MODEL_SETS[name]
    has_files = all((set_folder(models) / file).is_file() for file in models.files)
    return has_files and importlib.util.find_spec(models.module) is not None


def find_file(models: ModelSet, file: str) -> Path:
    """A set's file, its hash checked. Raises MissingError where it is not there or is not what it should be."""
    path = set_folder(models) / file
    remedy = f"run `wanfx models fetch {models.name}`"
    if not path.is_file():
        raise MissingError(f"the {models.name} models are not here", path=path, remedy=remedy)
    if sha256_file(path) != models.files[file]:
        raise MissingError("is not the file that was published", path=path, remedy=remedy)
    return path
