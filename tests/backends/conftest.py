"""The lite models must be there: their tests never pass by being left out."""

from __future__ import annotations

import pytest

from wanfx.backends.weights import LITE, MODELS_FOLDER, is_installed, set_folder


@pytest.fixture(scope="session")
def lite_models() -> None:
    """Fails where the lite models or what runs them are not there."""
    if not is_installed(LITE.name):
        pytest.fail(
            f"the lite models are not in {set_folder(LITE)}: run `wanfx models fetch lite`"
            f" (or set {MODELS_FOLDER}), and install ai-edge-litert",
            pytrace=False,
        )
