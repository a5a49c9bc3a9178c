"""The manifest seals itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wanfx.errors import InputError
from wanfx.manifest import REQUIRED, SCHEMA, digest, read_manifest, write_manifest
from wanfx.names import fill_template, slug


def _manifest() -> dict[str, Any]:
    return {key: "x" for key in REQUIRED if key != "digest"} | {"schema": SCHEMA, "shot": "Grüße"}


def test_a_manifest_is_read_back_and_its_digest_holds(tmp_path: Path) -> None:
    write_manifest(tmp_path / "manifest.json", _manifest())
    read = read_manifest(tmp_path / "manifest.json")
    assert read["shot"] == "Grüße"
    assert digest(read) == read["digest"]


def test_any_change_breaks_the_digest() -> None:
    manifest = _manifest()
    for key in manifest:
        assert digest(manifest | {key: "changed"}) != digest(manifest)


def test_a_manifest_that_lacks_a_key_is_not_written(tmp_path: Path) -> None:
    manifest = _manifest()
    del manifest["consent"]
    with pytest.raises(ValueError, match="consent"):
        write_manifest(tmp_path / "manifest.json", manifest)
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.parametrize("text", ["", "[]", "{", json.dumps({"schema": "wanfx.manifest/9"})])
def test_what_is_no_manifest_of_today_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert caught.value.path == str(path)
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["CON", "nul.txt", "a:b", "  x  ", "é", "a/b\\c", "...", "sh#1", "com1", ""])
def test_a_slug_is_a_safe_file_name_and_stays_what_it_is(name: str) -> None:
    made = slug(name)
    assert made
    assert made == slug(made)
    assert not set(made) & set('<>:"/\\|?*# ')
    assert made.split(".")[0].upper() not in ("CON", "NUL", "COM1")


def test_a_template_names_a_field_it_does_not_know() -> None:
    with pytest.raises(InputError, match="artist"):
        fill_template("{shot}_{artist}", fields={"shot": "a"}, key="deliver.name")
