"""The index of a folder of shots."""

from __future__ import annotations

import base64
import json
import re
import shutil
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from tiny import make_tiny_shot

from wanfx.cli.main import main
from wanfx.errors import InputError
from wanfx.stages.report_index import draw_shot_index


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    shot = make_tiny_shot(folder / "shot", frames=3)
    assert main(["run", str(shot), "--out", str(folder / "out"), "--quiet"]) == 0
    return folder / "out" / "tiny"


@pytest.fixture
def shots(made: Path, tmp_path: Path) -> Path:
    """A folder of two shots, one with spaces and more in its name."""
    for name in ("tiny", "a shot & <b>%2"):
        shutil.copytree(made / "v001", tmp_path / "shots" / name / "v001")
    return tmp_path / "shots"


def _change(shots: Path, **changes: object) -> None:
    path = shots / "tiny" / "v001" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_every_shot_has_a_row_with_a_picture_and_a_link_that_leads_to_its_report(shots: Path) -> None:
    assert main(["report", str(shots)]) == 0
    page = (shots / "index.html").read_text(encoding="utf-8")
    links = [unquote(unescape(link)) for link in re.findall(r'<a href="([^"]+)"', page)]
    assert len(links) == 2
    assert all((shots / link).is_file() for link in links)
    pictures = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page)
    assert len(pictures) == 2
    assert all(base64.b64decode(picture).startswith(b"\xff\xd8") for picture in pictures)
    assert page.count("✓ 8 held") == 2
    assert "& <b>" not in page
    assert not re.search(r"(src|href)=\"(?!data:image/|#)[a-z]+:", page)
    assert "url(" not in page


def test_it_can_be_mailed_and_is_the_same_when_drawn_again(shots: Path) -> None:
    page = draw_shot_index(shots)
    first = page.read_bytes()
    assert len(first) < 60_000
    assert draw_shot_index(shots).read_bytes() == first


def test_broken_promises_come_first_and_are_named(shots: Path) -> None:
    _change(shots, shot="zebra", promises=[{"name": "frame-lock", "state": "broken", "evidence": "x"}])
    page = draw_shot_index(shots).read_text(encoding="utf-8")
    assert "BROKEN in 1" in page
    assert re.search(r"zebra.*✕ broken</span> frame-lock.*✓ 8 held", page, re.DOTALL)


def test_a_shot_without_a_delivery_and_one_that_cannot_be_read_have_rows(shots: Path) -> None:
    (shots / "tiny" / "v001" / "manifest.json").unlink()
    (shots / "a shot & <b>%2" / "v001" / "manifest.json").write_text("{")
    page = draw_shot_index(shots).read_text(encoding="utf-8")
    assert "no version is complete" in page
    assert page.count("✕ no delivery") == 2


def test_a_delivery_without_its_frames_measures_and_timings_has_a_row_all_the_same(shots: Path) -> None:
    version = shots / "tiny" / "v001"
    shutil.rmtree(version / "comp")
    shutil.rmtree(version / "report")
    (version / "run.json").unlink()
    page = draw_shot_index(shots).read_text(encoding="utf-8")
    assert page.count("<img") == 1
    assert page.count("<a href") == 1
    assert page.count("8 held") == 2


def test_a_page_of_somebody_else_is_never_overwritten(shots: Path) -> None:
    (shots / "index.html").write_text("<html>mine</html>")
    with pytest.raises(InputError, match="no index of wanfx"):
        draw_shot_index(shots)
    assert (shots / "index.html").read_text() == "<html>mine</html>"


def test_a_folder_without_shots_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="no delivery"):
        draw_shot_index(tmp_path)
    assert main(["report", str(tmp_path)]) == 2
    assert "wanfx:" in capsys.readouterr().err
