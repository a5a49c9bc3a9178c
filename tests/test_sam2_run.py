"""A shot's mattes by SAM 2, as an artist starts it: chosen by `auto`, corrected, interrupted and taken up again."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tiny import FIRST, make_tiny_shot, plate_pixels

from wanfx.backends import torch_env, weights
from wanfx.backends.protocols import FrameSource, Prompts, Segment
from wanfx.backends.registry import check_backends, passed_over, resolve_backends
from wanfx.backends.sam2 import Sam2Segmenter
from wanfx.backends.weights import MODEL_SETS, MODELS_FOLDER, find_set, set_folder
from wanfx.cli.main import main
from wanfx.errors import MissingError
from wanfx.events import Event, Warned
from wanfx.io.atomic import sha256_file
from wanfx.options import Options
from wanfx.session import RunRequest, matte_shot, run_shot
from wanfx.shot import load_shot

sys.path.append(str(Path(__file__).parent / "backends"))
from sam2_tiny import make_tiny_set, require_torch

require_torch()


@pytest.fixture
def tiny_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A random network in the place of SAM 2.1 tiny."""
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "models"))
    monkeypatch.setattr(torch_env, "CPU_THREADS", 1)
    made = make_tiny_set(tmp_path / "models", name="sam2-tiny")
    monkeypatch.setattr(weights, "MODEL_SETS", {**MODEL_SETS, made.name: made})


def _track(shot: Path, out: Path) -> dict[str, str]:
    """What the segmenter made, by name and hash."""
    assert main(["matte", str(shot), "--out", str(out), "--quiet"]) == 0
    return {path.name: sha256_file(path) for path in sorted((out / "tiny" / "work" / "track").rglob("*.exr"))}


@pytest.mark.usefixtures("tiny_installed")
def test_auto_takes_sam2_where_there_is_a_gpu_and_says_why_not_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Options()
    monkeypatch.setattr(torch_env, "has_gpu", lambda: False)
    assert resolve_backends(asked).matte.backend != "sam2"
    assert "there is no GPU" in passed_over(asked)
    monkeypatch.setattr(torch_env, "has_gpu", lambda: True)
    assert resolve_backends(asked).matte.backend == "sam2"
    assert not passed_over(asked)


@pytest.mark.usefixtures("tiny_installed")
def test_auto_takes_the_best_size_there_is_once_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_env, "has_gpu", lambda: True)
    options = resolve_backends(Options())
    assert (options.matte.backend, options.matte.model) == ("sam2", "tiny")
    check_backends(options)
    with pytest.raises(MissingError) as caught:
        check_backends(options.with_values({"matte.model": "large"}, source="flag"))
    assert "wanfx models fetch sam2-large" in caught.value.remedy


@pytest.mark.usefixtures("tiny_installed")
def test_without_a_gpu_a_run_says_that_it_leaves_sam2_alone_and_how_to_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_env, "has_gpu", lambda: False)
    told: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Warned) and event.stage == "matte":
            told.append(event.text)

    for backend in ("auto", "flow"):
        shot = make_tiny_shot(tmp_path / backend, frames=3, matte={"backend": backend})
        matte_shot(RunRequest(load_shot(shot), tmp_path / "out" / backend), listeners=(listen,))
    (text,) = told
    assert "takes flow" in text and "no GPU" in text and "matte.backend = sam2" in text


@pytest.mark.usefixtures("tiny_installed")
def test_the_manifest_names_the_models_that_took_part_and_no_others(tmp_path: Path) -> None:
    named = {}
    for name, subjects in {"boxed": {}, "nothing said": {"subjects": [{"name": "walker"}]}}.items():
        shot = make_tiny_shot(tmp_path / name, frames=6, matte={"backend": "sam2", "width_px": 192}, **subjects)
        for _time in range(2):  # the second finds the mattes there
            made = run_shot(RunRequest(load_shot(shot), tmp_path / "out" / name))
        named[name] = {model["name"] for model in made.manifest["models"]}
    assert "random/sam2.1" in named["boxed"] and "wanfx-flow" not in named["boxed"]
    assert named["nothing said"] == named["boxed"] | {"wanfx-flow"}


@pytest.mark.usefixtures("tiny_installed")
def test_a_broken_off_run_is_taken_up_and_a_later_click_changes_only_its_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = make_tiny_shot(tmp_path / "shot", matte={"backend": "sam2", "width_px": 192})
    whole = _track(shot, tmp_path / "whole")
    assert len(whole) == 12
    segment = Sam2Segmenter.segment

    def broken_off(self: Sam2Segmenter, source: FrameSource, *, subjects: Mapping[str, Prompts]) -> Iterator[Segment]:
        for index, one in enumerate(segment(self, source, subjects=subjects)):
            if index == 5:
                raise KeyboardInterrupt
            yield one

    with monkeypatch.context() as patch:
        patch.setattr(Sam2Segmenter, "segment", broken_off)
        assert main(["matte", str(shot), "--out", str(tmp_path / "out"), "--quiet"]) == 130
    assert _track(shot, tmp_path / "out") == whole
    boxes = [{"box": plate_pixels(index)[1].as_list(), "frame": FIRST + index} for index in (0, 11)]
    clicked = make_tiny_shot(
        tmp_path / "shot", subjects=[{"name": "walker", "boxes": boxes}], matte={"backend": "sam2", "width_px": 192}
    )
    again = _track(clicked, tmp_path / "out")
    changed = {int(name.split(".")[-2]) - FIRST for name in whole if whole[name] != again[name]}
    assert changed == set(range(5, 12))


def test_what_to_download_is_said_and_a_folder_of_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "models"))
    assert main(["models", "fetch", "sam2-tiny"]) == 3
    told = capsys.readouterr().err
    source = find_set("sam2-tiny").source
    assert source.project in told and source.version in told and "model.safetensors" in told and "--from" in told
    made = make_tiny_set(tmp_path / "elsewhere", name="sam2-tiny")
    monkeypatch.setattr(weights, "MODEL_SETS", {**MODEL_SETS, made.name: made})
    given = tmp_path / "elsewhere" / "sam2-tiny" / "1"
    assert main(["models", "fetch", "sam2-tiny", "--from", str(given)]) == 0
    assert (set_folder(made) / "model.safetensors").is_file()
    (given / "config.json").write_text("{}", encoding="utf-8")
    (set_folder(made) / "config.json").unlink()
    assert main(["models", "fetch", "sam2-tiny", "--from", str(given)]) == 2
    assert "not the file that was published" in capsys.readouterr().err
