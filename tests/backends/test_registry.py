"""`auto` is settled once, by what is installed; what is asked for and not there is an error at once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from wanfx.backends.draft import DraftGenerator
from wanfx.backends.hub_sets import HUB_SETS
from wanfx.backends.locks import make_set, write_lock
from wanfx.backends.registry import (
    add_generator,
    check_backends,
    find_clicker,
    find_generator,
    find_lacking,
    names,
    passed_over,
    resolve_backends,
)
from wanfx.backends.weights import LITE, MODELS_FOLDER, TreeFile, set_folder
from wanfx.errors import MissingError, OptionError
from wanfx.options import Options


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path))


@pytest.fixture
def lite_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name: whether a file is what it should be is found out when it is loaded."""
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path))
    set_folder(LITE).mkdir(parents=True)
    for file in LITE.files:
        (set_folder(LITE) / file).touch()


@pytest.mark.usefixtures("nothing_installed")
def test_without_models_auto_is_what_needs_none() -> None:
    options = resolve_backends(Options())
    assert (options.matte.backend, options.pose.backend, options.generate.backend) == ("flow", "none", "draft")
    assert "takes flow" in (why := passed_over(Options())) and "wanfx models fetch lite" in why
    assert not passed_over(Options().with_values({"matte.backend": "flow"}, source="shot"))


@pytest.mark.usefixtures("lite_installed")
def test_with_the_lite_models_auto_is_lite_and_never_fake() -> None:
    options = resolve_backends(Options())
    assert (options.matte.backend, options.pose.backend, options.generate.backend) == ("lite", "lite", "draft")
    assert not passed_over(Options())


@pytest.mark.usefixtures("nothing_installed")
def test_what_was_chosen_stays_and_keeps_its_source() -> None:
    options = Options().with_values({"generate.backend": "fake", "matte.backend": "auto"}, source="shot")
    resolved = resolve_backends(options)
    assert resolved.generate.backend == "fake"
    assert resolved.sources == options.sources


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize("key", ["matte.backend", "pose.backend"])
def test_a_chosen_backend_whose_models_are_not_here_says_how_to_get_them(key: str) -> None:
    options = Options().with_values({key: "lite"}, source="flag")
    with pytest.raises(MissingError) as raised:
        check_backends(options)
    assert raised.value.key == key
    assert "wanfx models fetch lite" in raised.value.remedy


def test_an_unknown_backend_is_an_error_that_names_the_nearest() -> None:
    options = Options().with_values({"generate.backend": "darft"}, source="flag")
    with pytest.raises(OptionError, match="darft") as raised:
        check_backends(options)
    assert "draft" in raised.value.remedy


def test_every_segmenter_has_a_clicker_of_its_name() -> None:
    assert names("clicker") == names("segmenter")
    assert find_clicker("flow").name == "flow"


def test_a_clicker_that_is_not_there_is_told_with_the_option() -> None:
    with pytest.raises(OptionError) as caught:
        find_clicker("flaw")
    assert caught.value.key == "matte.backend" and "flow" in caught.value.remedy


def test_a_program_may_not_bring_a_generator_in_the_place_of_one_there_is() -> None:
    with pytest.raises(OptionError, match="already"):
        add_generator("draft", DraftGenerator)


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize(("model", "command"), [("auto", "wan-vace-14b"), ("14b", "wan-vace-14b"),
                                                ("1.3b", "wan-vace-1.3b")])  # fmt: skip
def test_a_size_of_vace_is_asked_for_by_its_own_name(model: str, command: str) -> None:
    options = Options().with_values({"generate.backend": "wan-vace", "wan.model": model}, source="flag")
    options = resolve_backends(options, task="background")
    with pytest.raises(MissingError) as raised:
        check_backends(options)
    assert f"wanfx models fetch {command}" in raised.value.remedy
    generator = find_generator(options)
    assert generator.models[0].licence == "Apache-2.0" and generator.carried_frames == 5
    assert generator.area_px == (832 * 480 if model == "1.3b" else 1280 * 720)


@pytest.mark.usefixtures("nothing_installed")
def test_what_a_model_cannot_carry_is_refused() -> None:
    asked = {"generate.backend": "wan-animate", "wan.carried_frames": "9"}
    with pytest.raises(OptionError, match="1 or 5") as raised:
        find_generator(Options().with_values(asked, source="flag"))
    assert raised.value.key == "wan.carried_frames"


@pytest.mark.usefixtures("nothing_installed")
def test_a_new_world_is_never_drawn_unasked() -> None:
    assert resolve_backends(Options(), task="background").generate.backend == "draft"


def _put_wan(name: str) -> None:
    """A set with a file, by name alone."""
    models = make_set(HUB_SETS[name], revision="0123", files=(TreeFile("a.json", 0, "0" * 64),))
    set_folder(models).mkdir(parents=True)
    (set_folder(models) / "a.json").touch()
    write_lock(models)


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize(
    ("module", "more"),
    [("torch", {}), ("diffusers", {}), ("accelerate", {"wan.offload": "sequential"}), ("peft", {"wan.lora": __file__})],
)
def test_a_missing_module_is_told_apart_from_missing_files(
    module: str, more: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _put_wan("wan-animate")
    monkeypatch.setitem(sys.modules, module, None)
    asked = {"generate.backend": "wan-animate", "pose.backend": "none", "matte.backend": "flow", **more}
    with pytest.raises(MissingError, match=module) as raised:
        check_backends(Options().with_values(asked, source="flag"))
    assert 'pip install "wanfx[wan]"' in raised.value.remedy and "models fetch" not in raised.value.remedy


@pytest.mark.usefixtures("nothing_installed")
def test_pose_models_without_onnxruntime_ask_for_their_own_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    _put_wan("vitpose-wholebody")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    asked = {"pose.backend": "vitpose", "matte.backend": "flow", "generate.backend": "draft"}
    with pytest.raises(MissingError, match="onnxruntime") as raised:
        check_backends(Options().with_values(asked, source="flag"))
    assert 'pip install "wanfx[pose]"' in raised.value.remedy


@pytest.mark.usefixtures("nothing_installed")
def test_task_replace_asks_for_no_editor_to_retarget_with() -> None:
    asked = {"generate.backend": "wan-animate", "condition.retarget": "edited"}
    options = Options().with_values(asked, source="flag")
    keys = {task: {error.key for error in find_lacking(options, task=task)} for task in ("replace", "animate")}
    assert keys["animate"] - keys["replace"] == {"condition.retarget"}
