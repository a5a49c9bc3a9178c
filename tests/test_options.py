"""Every user option, and how values are checked."""

from __future__ import annotations

import dataclasses
import json

import pytest

from wanfx.errors import OptionError
from wanfx.knobs import OptionSpec
from wanfx.options import STAGE_OPTIONS, Options, find_spec, parse_assignment, specs

_SPECS = list(specs())
_NUMBERS = [spec for spec in _SPECS if spec.kind in ("int", "float")]
_every_option = pytest.mark.parametrize("spec", _SPECS, ids=lambda spec: spec.key)


def _as_text(value: object) -> str:
    """As a person writes it after `--set key=`."""
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@_every_option
def test_every_option_has_help(spec: OptionSpec) -> None:
    assert len(spec.knob.help) > 10
    assert not spec.knob.help.endswith(".")


@_every_option
def test_a_default_is_within_its_limits_and_parses_from_its_own_text(spec: OptionSpec) -> None:
    assert spec.parse(spec.default) == spec.default
    parsed = spec.parse(_as_text(spec.default))
    assert parsed == spec.default and type(parsed) is type(spec.default)


@_every_option
def test_every_option_of_pixels_or_frames_says_so_in_its_unit(spec: OptionSpec) -> None:
    for ending, unit in (("_px", "px"), ("_frames", "frames"), ("_stops", "stops")):
        assert spec.name.endswith(ending) == (spec.knob.unit == unit)


@pytest.mark.parametrize("spec", _NUMBERS, ids=lambda spec: spec.key)
def test_a_number_has_limits_that_are_allowed_and_beyond_which_nothing_is(spec: OptionSpec) -> None:
    low, high = spec.knob.min, spec.knob.max
    assert low is not None and high is not None and low < high
    assert spec.parse(low) == low and spec.parse(high) == high
    for beyond in (low - 1, high + 1):
        with pytest.raises(OptionError) as caught:
            spec.parse(beyond)
        assert caught.value.key == spec.key


@_every_option
def test_a_bad_value_is_refused_naming_the_key_and_what_it_may_be(spec: OptionSpec) -> None:
    bad = ["no such choice"] if spec.kind == "choice" else [[]] if spec.kind == "str" else ["x", "", [], "nan", "inf"]
    for value in bad:
        with pytest.raises(OptionError) as caught:
            Options().with_values({spec.key: value}, source="flag")
        assert caught.value.key == spec.key
        assert spec.expects in caught.value.remedy


def test_a_bool_is_no_number_and_a_fraction_no_whole_number() -> None:
    for key, value in (("generate.seed", True), ("generate.seed", "1.5"), ("finish.margin_px", False)):
        with pytest.raises(OptionError, match=key):
            Options().with_values({key: value}, source="shot")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("finish.margin", "finish.margin_px"), ("matte.growpx", "matte.grow_px"), ("generate.sede", "generate.seed")],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(wrong: str, right: str) -> None:
    with pytest.raises(OptionError, match=f"did you mean .*{right}"):
        find_spec(wrong)


def test_an_unknown_key_like_no_other_points_to_the_help() -> None:
    with pytest.raises(OptionError, match="wanfx run --help"):
        find_spec("zzz")


def test_where_a_value_came_from_is_recorded_and_the_last_one_wins() -> None:
    studio = Options().with_values({"generate.seed": 1, "matte.grow_px": 2}, source="studio")
    shot = studio.with_values({"generate.seed": "3"}, source="shot")
    assert shot.generate.seed == 3 and shot.matte.grow_px == 2.0
    assert shot.sources == {"generate.seed": "shot", "matte.grow_px": "studio"}
    assert studio.generate.seed == 1, "options are values: setting one leaves the old ones alone"


def test_setting_an_option_leaves_all_others_at_their_defaults() -> None:
    changed = Options().with_values({"finish.margin_px": "20"}, source="flag").as_dict()
    expected = Options().as_dict()
    expected["finish"]["margin_px"] = 20.0
    assert changed == expected


def test_options_survive_being_written_as_json_and_read() -> None:
    options = Options().with_values({"condition.exposure_stops": "-1.5", "review.burn_in": "true"}, source="shot")
    written = json.loads(json.dumps(options.as_dict()))
    flat = {f"{stage}.{name}": value for stage, group in written.items() for name, value in group.items()}
    assert Options().with_values(flat, source="shot").as_dict() == options.as_dict()


def test_every_stage_is_a_field_of_options_and_in_order() -> None:
    assert [item.name for item in dataclasses.fields(Options) if item.name != "sources"] == list(STAGE_OPTIONS)


def test_an_assignment_is_split_at_the_first_equals_sign() -> None:
    assert parse_assignment(" review.view = A=B ") == ("review.view", "A=B")
    with pytest.raises(OptionError, match=r"is set as stage\.option=value"):
        parse_assignment("finish.margin_px")
