"""The shot file: what it takes, and how it says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from wanfx.errors import OptionError, ShotError, WanfxError
from wanfx.session import STUDIO_FILE, resolve_options
from wanfx.shot import load_shot, parse_shot, shot_schema

FULL: dict[str, Any] = {
    "schema": "wanfx.shot/1",
    "name": "sh010",
    "task": "replace",
    "show": "demo",
    "plate": {"path": "sh010.####.exr", "colorspace": "ACEScg", "fps": "24000/1001"},
    "reference": {"path": "robot.png", "matte": "robot_matte.png"},
    "subjects": [
        {"name": "girl", "box": [1.5, 2, 30, 40], "frame": 1003, "points": [{"x": 3, "y": 4, "on": False}]},
    ],
    "frames": "1001-1048",
    "cut": "1009-1040",
    "consent": {"record": "C-17"},
    "policy": {"final_only": True},
    "finish": {"margin_px": 16},
    "generate": {"backend": "fake", "window_frames": None},
}
LEAST: dict[str, Any] = {"name": "a", "task": "replace", "plate": "a.mov", "reference": "r.png"}


def test_a_shot_survives_being_saved_and_loaded(tmp_path: Path) -> None:
    shot = parse_shot(FULL, folder=tmp_path)
    assert load_shot(shot.save(tmp_path / "shot.json")) == shot


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "shot.json").write_text(json.dumps(LEAST | {"finish": {"margin_px": 3}}))
    (tmp_path / "shot.toml").write_text(
        'name = "a"\ntask = "replace"\nplate = "a.mov"\nreference = "r.png"\nfinish.margin_px = 3\n'
    )
    assert load_shot(tmp_path / "shot.toml") == load_shot(tmp_path / "shot.json")


def test_the_json_schema_takes_what_the_reader_takes() -> None:
    schema = shot_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(FULL, schema)
    jsonschema.validate(LEAST, schema)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        pytest.param({"nam": "x"}, "nam", id="unknown key"),
        pytest.param({"task": "paint"}, "task", id="unknown task"),
        pytest.param({"plate": {"path": "a", "colourspace": "x"}}, "plate.colourspace", id="unknown nested key"),
        pytest.param({"plate": 3}, "plate", id="plate is a number"),
        pytest.param({"subjects": [{"box": [1, 2, 3]}]}, "subjects[0].box", id="box of three"),
        pytest.param(
            {"subjects": [{"points": [{"x": "a", "y": 1}]}]}, "subjects[0].points[0].x", id="text for a number"
        ),
        pytest.param({"frames": "all"}, "frames", id="frames in words"),
        pytest.param({"schema": "wanfx.shot/9"}, "schema", id="schema of the future"),
        pytest.param({"finish": {"margin": 3}}, "finish.margin", id="unknown option"),
        pytest.param({"finish": {"margin_px": -3}}, "finish.margin_px", id="option out of range"),
        pytest.param({"task": "background"}, "background", id="background without one"),
        pytest.param({"subjects": [{"name": "a"}, {"name": "a"}]}, "subjects", id="one name twice"),
    ],
)
def test_a_wrong_shot_is_refused_with_its_key_and_a_remedy(change: dict[str, Any], key: str) -> None:
    with pytest.raises(WanfxError) as caught:
        parse_shot(LEAST | change)
    assert caught.value.key == key
    assert caught.value.remedy
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("change", [{"nam": "x"}, {"task": "paint"}, {"finish": {"margin_px": -3}}, {"plate": 3}])
def test_the_json_schema_refuses_what_the_reader_refuses(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(LEAST | change, shot_schema())


@pytest.mark.parametrize("name", ["shot.toml", "shot.json", "shot.yaml"])
def test_a_file_that_is_no_shot_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{ this is not a shot")
    with pytest.raises(ShotError) as caught:
        load_shot(tmp_path / name)
    assert caught.value.path is not None
    assert caught.value.path.endswith(name)
    with pytest.raises(ShotError, match="there is no such file"):
        load_shot(tmp_path / "not_there.toml")


def test_a_flag_beats_the_shot_beats_the_studio_beats_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = tmp_path / "studio.toml"
    studio.write_text("[finish]\nmargin_px = 5\n[matte]\ngrow_px = 5\n[clean]\ngrow_px = 5\n")
    monkeypatch.setenv(STUDIO_FILE, str(studio))
    shot = parse_shot(LEAST | {"matte": {"grow_px": 6}, "clean": {"grow_px": 6}})
    options = resolve_options(shot, flags={"clean.grow_px": "7"})
    assert (options.finish.margin_px, options.matte.grow_px, options.clean.grow_px) == (5, 6, 7)
    assert options.sources == {
        "finish.margin_px": "studio", "matte.grow_px": "shot", "clean.grow_px": "flag",
    }  # fmt: skip


def test_a_wrong_studio_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = tmp_path / "studio.toml"
    studio.write_text("[finish]\nmargn_px = 5\n")
    monkeypatch.setenv(STUDIO_FILE, str(studio))
    with pytest.raises(OptionError) as caught:
        resolve_options(parse_shot(LEAST))
    assert caught.value.path == str(studio)
    studio.write_text("[finsh]\nmargin_px = 5\n")
    with pytest.raises(ShotError, match="finish"):
        resolve_options(parse_shot(LEAST))


@pytest.mark.parametrize(
    "written",
    [
        ["front.png", "back.png"],
        [{"path": "front.png"}, "back.png"],
        {"path": "front.png", "others": ["back.png"]},
        {"path": "front.png", "others": [{"path": "back.png"}]},
    ],
)
def test_several_pictures_of_the_character_may_be_written_as_a_list(written: Any, tmp_path: Path) -> None:
    data = {**LEAST, "reference": written}
    jsonschema.validate(data, shot_schema())
    shot = parse_shot(data, folder=tmp_path)
    assert shot.reference is not None
    assert [one.path for one in shot.reference.pictures] == ["front.png", "back.png"]
    assert not any(one.others for one in shot.reference.pictures)
    assert load_shot(shot.save(tmp_path / "shot.json")) == shot


@pytest.mark.parametrize(("written", "key"), [([], "reference"), ([3], "reference[0]"), (["a.png", 3], "reference")])
def test_a_wrong_list_of_pictures_is_refused(written: Any, key: str) -> None:
    with pytest.raises(ShotError) as caught:
        parse_shot({**LEAST, "reference": written})
    assert str(caught.value.key).startswith(key) and caught.value.remedy
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**LEAST, "reference": written}, shot_schema())


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_byte_order_mark_is_no_part_of_a_shot_file(tmp_path: Path, suffix: str) -> None:
    keys = {"name": "sh010", "task": "replace", "plate": "p.####.exr", "reference": "r.png"}
    lines = json.dumps(keys) if suffix == ".json" else "\n".join(f'{key} = "{value}"' for key, value in keys.items())
    path = tmp_path / f"shot{suffix}"
    path.write_text(lines, encoding="utf-8-sig")
    assert load_shot(path).name == "sh010"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("shot.toml", 'name = "s\u00fcd"'.encode("latin-1"), "no text in UTF-8"),
        ("shot.json", '{"name": "x"}'.encode("utf-16"), "no text in UTF-8"),
        ("reference.png", b"\x89PNG\r\n", "neither .toml nor .json"),
        ("folder", None, "is a folder"),
        ("nothing.toml", b"", "no such file"),
    ],
)
def test_what_is_no_shot_file_is_told_for_what_it_is(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    path = tmp_path / name
    if content is None:
        path.mkdir()
    elif content:
        path.write_bytes(content)
    with pytest.raises(ShotError, match=words) as caught:
        load_shot(path)
    assert caught.value.path == str(path) and caught.value.remedy
    assert "permissions" not in caught.value.remedy
