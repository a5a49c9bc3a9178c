"""Which colour space a picture is in, and who says so."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from wanfx_color import (
    ColorConfig,
    ColorError,
    ToldSpace,
    UnknownColorSpace,
    converter,
    is_data,
    is_scene_linear,
    load_config,
    tell_color_space,
)

CONFIG = load_config(environ={})
OLDER = load_config("ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4")
CONFIGS = pytest.mark.parametrize("config", [CONFIG, OLDER], ids=lambda config: config.name)


def told(
    tags: Mapping[str, object] | None = None,
    *,
    kind: str = "exr",
    declared: str | None = None,
    path: str = "/show/plate.exr",
    config: ColorConfig = CONFIG,
) -> ToldSpace:
    return tell_color_space(config, path=path, kind=kind, declared=declared, tags=tags or {})


def movie(config: ColorConfig = CONFIG, **tags: str) -> ToldSpace:
    return told(tags, kind="movie", path="/show/plate.mp4", config=config)


def test_the_shot_comes_before_the_file() -> None:
    result = told({"colorInteropID": "lin_rec709_scene"}, declared="scene_linear")
    assert (result.name, result.told_by, result.is_default) == ("ACEScg", "the shot", False)


def test_an_unknown_declared_space_comes_with_the_nearest() -> None:
    with pytest.raises(UnknownColorSpace) as caught:
        told(declared="ARRI LogC5")
    assert "ARRI LogC4" in caught.value.nearest


@CONFIGS
@pytest.mark.parametrize("key", ["colorInteropID", "oiio:ColorSpace"])
@pytest.mark.parametrize("tag", ["lin_rec709_scene", "lin_rec709"])
def test_a_files_tag_tells_its_space(config: ColorConfig, key: str, tag: str) -> None:
    result = told({key: tag}, config=config)
    assert config.resolve("lin_rec709") == result.name
    assert result.is_scene_linear and tag in result.told_by


@CONFIGS
@pytest.mark.parametrize(
    ("numbers", "alias"),
    [
        ((0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767), "lin_ap1"),
        ((0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767), "lin_ap0"),
        ((0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329), "lin_rec709"),
        ((0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329), "lin_p3d65"),
        ((0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329), "lin_rec2020"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_chromaticities_tell_a_linear_space(config: ColorConfig, numbers: tuple[float, ...], alias: str) -> None:
    rounded = tuple(float(np.float32(number)) for number in numbers)
    assert told({"chromaticities": rounded}, config=config).name == config.resolve(alias)
    assert told({"chromaticities": str(list(rounded))}, config=config).name == config.resolve(alias)


def test_chromaticities_of_no_known_space_are_an_error() -> None:
    with pytest.raises(ColorError, match="chromaticities"):
        told({"chromaticities": (0.7, 0.3, 0.2, 0.7, 0.1, 0.1, 0.3, 0.3)})


@pytest.mark.parametrize("tag", ["data", "Linear", "my_space"])
def test_a_tag_that_is_no_colour_of_the_config_is_an_error(tag: str) -> None:
    with pytest.raises(ColorError, match=tag) as caught:
        told({"colorInteropID": tag})
    assert "shot" in caught.value.remedy


@CONFIGS
def test_an_exr_that_nothing_tells_of_is_an_error(config: ColorConfig) -> None:
    with pytest.raises(ColorError, match="nothing says"):
        told(config=config)


def test_a_studios_file_rule_tells_and_its_default_rule_does_not(tmp_path: Path) -> None:
    config = CONFIG.ocio
    rules = type(config.getFileRules())()
    rules.insertRule(0, "lin709 plates", "lin_rec709", "*/lin709/*", "exr")
    rules.setDefaultRuleColorSpace("ACEScg")
    own = copy.deepcopy(config)
    own.setFileRules(rules)
    path = tmp_path / "show.ocio"
    path.write_text(own.serialize())
    studio = load_config(str(path))
    result = told(path="/show/lin709/plate.exr", config=studio)
    assert (result.name, result.is_default) == ("Linear Rec.709 (sRGB)", False)
    assert "lin709 plates" in result.told_by
    with pytest.raises(ColorError, match="nothing says"):
        told(path="/show/other/plate.exr", config=studio)


@CONFIGS
def test_an_untagged_movie_is_rec1886_and_says_so(config: ColorConfig) -> None:
    result = movie(config)
    assert (result.name, result.is_default) == ("Rec.1886 Rec.709 - Display", True)
    assert "Rec.1886" in result.told_by


def test_an_untagged_still_is_srgb_and_says_so() -> None:
    result = told(kind="still", path="/show/ref.png")
    assert (result.name, result.is_default) == ("sRGB - Display", True)


@pytest.mark.parametrize(("path", "bits"), [("/show/scan.dpx", "10"), ("/show/ref.png", "16")])
def test_a_still_deeper_than_8_bit_is_not_guessed(path: str, bits: str) -> None:
    with pytest.raises(ColorError, match="nothing says"):
        told({"oiio:BitsPerSample": bits}, kind="still", path=path)


@pytest.mark.parametrize(
    ("primaries", "transfer", "alias"),
    [
        ("bt709", "bt709", "g24_rec709_display"),
        ("bt709", "iec61966-2-1", "srgb_display"),
        ("smpte432", "iec61966-2-1", "displayp3_display"),
        ("bt709", "gamma22", "g22_rec709_display"),
        ("bt2020", "smpte2084", "pq_rec2020_display"),
        ("bt2020", "arib-std-b67", "hlg_rec2020_display"),
        ("bt709", "linear", "lin_rec709"),
        ("bt2020", "linear", "lin_rec2020"),
    ],
)
def test_a_movies_tags_tell_its_space(primaries: str, transfer: str, alias: str) -> None:
    result = movie(primaries=primaries, transfer=transfer)
    assert (result.name, result.is_default) == (CONFIG.resolve(alias), False)


@pytest.mark.parametrize(
    ("tags", "assumed"),
    [
        ({"transfer": "bt709"}, "Rec.709 primaries"),
        ({"primaries": "bt709", "transfer": "unspecified"}, "BT.1886"),
        ({"primaries": "bt470bg", "transfer": "smpte170m"}, "bt470bg primaries are read as Rec.709's"),
        ({"transfer": "smpte2084"}, "Rec.2020 primaries"),
    ],
)
def test_what_is_assumed_of_half_tagged_movies_is_reported(tags: dict[str, str], assumed: str) -> None:
    result = movie(**tags)
    assert result.is_default and assumed in result.told_by


@pytest.mark.parametrize(
    ("primaries", "transfer"), [("bt2020", "bt709"), ("bt709", "gamma28"), ("smpte431", "smpte428"), ("bt2020", "")]
)
def test_tags_that_no_space_stands_for_are_an_error(primaries: str, transfer: str) -> None:
    with pytest.raises(ColorError, match=primaries) as caught:
        movie(primaries=primaries, transfer=transfer)
    assert "shot" in caught.value.remedy


def test_a_config_that_lacks_the_space_of_the_tags_says_so() -> None:
    with pytest.raises(ColorError, match="cg-config-v2"):
        movie(OLDER, primaries="bt2020", transfer="arib-std-b67")


def test_bt709_is_decoded_as_a_reference_monitor_shows_it() -> None:
    half = np.full((1, 1, 3), 0.5, np.float32)
    name = movie(primaries="bt709", transfer="bt709").name
    np.testing.assert_allclose(converter(CONFIG, name, "lin_rec709")(half), 0.5**2.4, rtol=1e-4)


@CONFIGS
@pytest.mark.parametrize(
    ("name", "expected"),
    [("ACEScg", True), ("lin_rec709", True), ("scene_linear", True), ("ACEScct", False), ("Raw", False),
     ("sRGB - Display", False), ("CIE XYZ-D65 - Display-referred", False)],
)  # fmt: skip
def test_scene_linear_spaces_are_known(config: ColorConfig, name: str, expected: bool) -> None:
    assert is_scene_linear(config, name) is expected


def test_a_space_without_an_encoding_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "plain.ocio"
    path.write_text(
        "ocio_profile_version: 2\nroles: {default: lin, scene_linear: lin, aces_interchange: lin}\n"
        "displays:\n  d:\n    - !<View> {name: v, colorspace: lin}\n"
        "colorspaces:\n  - !<ColorSpace> {name: lin}\n"
        "  - !<ColorSpace>\n    name: half\n    from_scene_reference: !<MatrixTransform> "
        "{matrix: [0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 1]}\n"
        "  - !<ColorSpace>\n    name: curve\n    from_scene_reference: !<ExponentTransform> {value: [2, 2, 2, 1]}\n"
    )
    config = load_config(str(path))
    assert is_scene_linear(config, "half") and not is_scene_linear(config, "curve")


def test_data_is_known() -> None:
    assert is_data(CONFIG, "Raw") and not is_data(CONFIG, "ACEScg")
