"""The model sets, and what is said of their files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wanfx.backends.weights import (
    LITE,
    MODEL_SETS,
    ModelSet,
    file_states,
    find_file,
    find_set,
    models_folder,
    set_folder,
)
from wanfx.errors import InputError, MissingError


@pytest.mark.parametrize("models", MODEL_SETS.values(), ids=lambda one: one.name)
def test_every_file_is_pinned_by_hash_and_size_under_a_name_of_its_own(models: ModelSet) -> None:
    contents = models.contents
    assert len({file.name for file in contents}) == len(contents)
    for file in contents:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.size_bytes > 0
        assert re.fullmatch(r"[\w.-]+", file.name)


def test_the_folder_is_the_one_given_else_one_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANFX_MODELS", str(tmp_path / "the models"))
    assert set_folder(LITE) == tmp_path / "the models" / "lite" / LITE.revision
    monkeypatch.delenv("WANFX_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert models_folder().parts[-2:] == ("wanfx", "models")


def test_a_file_is_here_only_with_the_right_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANFX_MODELS", str(tmp_path))
    assert set(file_states(LITE).values()) == {"missing"}
    name = LITE.contents[0].name
    with pytest.raises(MissingError, match="not here"):
        find_file(LITE, name)
    path = set_folder(LITE) / name
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(LITE.contents[0].size_bytes))
    assert file_states(LITE)[name] == "damaged"
    with pytest.raises(MissingError, match="published") as caught:
        find_file(LITE, name)
    assert "wanfx models fetch lite" in caught.value.remedy


def test_a_set_that_there_is_not_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="lyte") as caught:
        find_set("lyte")
    assert "lite" in caught.value.remedy
