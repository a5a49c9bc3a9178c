"""A torchvision that was built for another torch does not take transformers down with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sam2_tiny import make_tiny_set, require_torch

from wanfx.backends.torch_env import import_torch
from wanfx.backends.weights import MODELS_FOLDER, set_folder
from wanfx.errors import MissingError

require_torch()
_BROKEN = {
    "operators of another torch": "raise RuntimeError('operator torchvision::nms does not exist')",
    "a library that is not there": "raise OSError('libcudart.so.13: cannot open shared object file')",
}
_LOAD = """
import json, sys
from wanfx.backends.sam2_transformers import TransformersEngine
from wanfx.backends.weights import HubSource, ModelFile, ModelSet
files = tuple(ModelFile(*one) for one in json.loads(sys.argv[1]))
TransformersEngine(ModelSet("sam2-random", "1", "Apache-2.0", "transformers", "sam2", HubSource("random", "1"), files))
print(sys.modules.get("torchvision"), [name for name in sys.modules if name.startswith("torchvision.")])
"""


def _run(code: str, *arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    given = os.pathsep.join([str(path), *(folder for folder in sys.path if folder)])
    environment = {**os.environ, "PYTHONPATH": given, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def _write_torchvision(folder: Path, text: str) -> None:
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("from . import extension\n" + text + "\n", encoding="utf-8")
    (package / "extension.py").write_text("", encoding="utf-8")
    facts = folder / "torchvision-0.28.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: torchvision\nVersion: 0.28.0\n", encoding="utf-8")


@pytest.mark.parametrize("what", _BROKEN)
def test_sam2_loads_beside_a_broken_torchvision(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "models"))
    models = make_tiny_set(tmp_path / "models")
    assert set_folder(models).is_dir()
    _write_torchvision(tmp_path, _BROKEN[what])
    files = json.dumps([(file.member, file.size_bytes, file.sha256) for file in models.contents])
    done = _run(_LOAD, files, path=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["None", "[]"]


def test_the_broken_one_would_have_taken_transformers_down(tmp_path: Path) -> None:
    _write_torchvision(tmp_path, _BROKEN["operators of another torch"])
    done = _run("import transformers.models.sam2_video.modeling_sam2_video", path=tmp_path)
    assert done.returncode != 0 and "torchvision::nms" in done.stderr


def test_without_torch_the_extra_to_install_is_named(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no such library')", encoding="utf-8")
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torch"]:
            patch.delitem(sys.modules, name)
        patch.syspath_prepend(str(tmp_path))
        with pytest.raises(MissingError, match="torch cannot be imported") as caught:
            import_torch(extra="sam2")
    assert 'pip install "wanfx[sam2]"' in caught.value.remedy
