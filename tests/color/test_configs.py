"""Which config is in force, and what identifies it."""

from __future__ import annotations

from pathlib import Path

import PyOpenColorIO as ocio
import pytest

from wanfx_color import BUILT_IN, ColorError, UnknownColorSpace, converter, load_config

PINNED = load_config(environ={})


def written(path: Path, text: str | None = None) -> Path:
    path.write_text(text or PINNED.ocio.serialize())
    return path


def test_without_a_config_the_pinned_one_is_used() -> None:
    assert (PINNED.name, PINNED.source, PINNED.scene_linear) == (BUILT_IN, "built-in", "ACEScg")
    assert BUILT_IN in [f"ocio://{row[0]}" for row in ocio.BuiltinConfigRegistry().getBuiltinConfigs()]


def test_the_environment_comes_before_the_pinned_config(tmp_path: Path) -> None:
    path = written(tmp_path / "show.ocio")
    config = load_config(environ={"OCIO": str(path)})
    assert (config.name, config.source) == ("show.ocio", "$OCIO")


def test_an_ocio_uri_is_a_config() -> None:
    config = load_config(environ={"OCIO": "ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4"})
    assert config.name == "ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4"


def test_an_archive_is_a_config(tmp_path: Path) -> None:
    path = tmp_path / "show.ocioz"
    config = ocio.Config.CreateFromFile(str(written(tmp_path / "show.ocio")))
    config.archive(str(path))
    assert load_config(str(path)).name == "show.ocioz"


def test_the_hash_is_of_the_content_and_not_of_the_place(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    here, there = written(tmp_path / "a.ocio"), written(tmp_path / "other" / "a.ocio")
    assert load_config(str(here)) == load_config(str(there))
    assert load_config(str(here)).sha256 == PINNED.sha256


def test_the_hash_knows_the_luts_that_the_config_names(tmp_path: Path) -> None:
    text = (
        "ocio_profile_version: 2\nsearch_path: luts\nroles: {default: lin, scene_linear: lin}\n"
        "displays:\n  d:\n    - !<View> {name: v, colorspace: log}\n"
        "colorspaces:\n  - !<ColorSpace> {name: lin}\n"
        "  - !<ColorSpace>\n    name: log\n    from_scene_reference: !<FileTransform> {src: curve.spi1d}\n"
    )
    (tmp_path / "luts").mkdir()
    hashes = []
    for top in ("1.0", "2.0"):
        curve = f"Version 1\nFrom 0.0 1.0\nLength 2\nComponents 1\n{{\n0.0\n{top}\n}}\n"
        (tmp_path / "luts" / "curve.spi1d").write_text(curve)
        hashes.append(load_config(str(written(tmp_path / f"show{top}.ocio", text))).sha256)
    assert hashes[0] != hashes[1]


def test_a_missing_config_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ColorError, match="not there") as caught:
        load_config(environ={"OCIO": str(tmp_path / "gone.ocio")})
    assert "OCIO" in caught.value.remedy


def test_a_config_that_cannot_be_parsed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ColorError, match=r"broken\.ocio cannot be read"):
        load_config(str(written(tmp_path / "broken.ocio", "hello: [")))


def test_a_config_without_a_working_space_is_refused(tmp_path: Path) -> None:
    text = "ocio_profile_version: 2\nroles: {default: raw}\ncolorspaces:\n  - !<ColorSpace> {name: raw}\n"
    with pytest.raises(ColorError, match="no role scene_linear"):
        load_config(str(written(tmp_path / "bare.ocio", text)))


def test_an_unknown_name_comes_with_the_nearest() -> None:
    with pytest.raises(UnknownColorSpace) as caught:
        PINNED.resolve("acesCGG")
    assert "ACEScg" in caught.value.nearest


@pytest.mark.parametrize("name", ["ACEScg", "lin_ap1", "scene_linear", "acescg"])
def test_a_space_answers_to_its_name_aliases_and_roles(name: str) -> None:
    assert PINNED.resolve(name) == "ACEScg"


def test_a_lut_that_is_missing_is_an_error_only_for_who_uses_it(tmp_path: Path) -> None:
    path = tmp_path / "luts.ocio"
    path.write_text(
        "ocio_profile_version: 2\n"
        "roles: {scene_linear: lin, default: lin}\n"
        "displays: {d: [!<View> {name: v, colorspace: lin}]}\n"
        "colorspaces:\n"
        "  - !<ColorSpace> {name: lin}\n"
        "  - !<ColorSpace> {name: other, from_scene_reference: !<ExponentTransform> {value: [2, 2, 2, 1]}}\n"
        "  - !<ColorSpace> {name: camera, from_scene_reference: !<FileTransform> {src: nowhere.cube}}\n"
    )
    config = load_config(str(path))
    assert not converter(config, "other", "lin").is_identity
    for src, dst in (("camera", "lin"), ("lin", "camera")):
        with pytest.raises(ColorError, match=r"nowhere\.cube"):
            converter(config, src, dst)
