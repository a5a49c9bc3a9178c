"""What a model was not trained for is said before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny import make_tiny_shot

from wanfx.backends.weights import MODELS_FOLDER
from wanfx.errors import OptionError
from wanfx.options import Options
from wanfx.shot import load_shot
from wanfx.stages.asked import find_doubts


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "models"))


def _doubts(folder: Path, asked: dict[str, str], **changes: Any) -> list[str]:
    shot = load_shot(make_tiny_shot(folder, frames=1, **changes))
    return list(find_doubts(shot, Options().with_values(asked, source="flag")))


@pytest.mark.parametrize(("task", "count"), [("animate", 1), ("replace", 0)])
def test_relighting_is_for_task_replace(task: str, count: int, tmp_path: Path) -> None:
    asked = {"generate.backend": "wan-animate", "wan.relight_lora": __file__}
    doubts = _doubts(tmp_path, asked, task=task)
    assert len(doubts) == count and all("wan.relight_lora" in doubt for doubt in doubts)


@pytest.mark.parametrize(
    ("background", "told"),
    [
        ({"path": "reference.png"}, ["background.prompt"]),
        ({"path": "reference.png", "prompt": "a beach", "references": ["reference.png"] * 4}, ["5 reference pictures"]),
        ({"path": "reference.png", "prompt": "a beach", "references": ["reference.png"] * 2}, []),
        ({"mode": "remove"}, []),
    ],
)
def test_more_pictures_than_it_was_trained_with_and_no_words_are_told(
    background: dict[str, Any], told: list[str], tmp_path: Path
) -> None:
    doubts = _doubts(tmp_path, {"generate.backend": "wan-vace"}, task="background", background=background)
    assert len(doubts) == len(told) and all(words in doubt for words, doubt in zip(told, doubts, strict=True))


def test_the_remedy_for_a_short_window_is_a_length_the_model_has() -> None:
    from wanfx.backends.registry import find_generator
    from wanfx.stages.windows import choose_length

    asked = {"generate.backend": "wan-vace", "wan.carried_frames": "9"}
    options = Options().with_values({**asked, "generate.window_frames": 9}, source="flag")
    with pytest.raises(OptionError) as caught:
        choose_length(options, find_generator(options))
    least = int(caught.value.remedy.split()[3])
    longer = Options().with_values({**asked, "generate.window_frames": least}, source="flag")
    assert choose_length(longer, find_generator(longer)) == least == 13
