"""ASC CDL files: what is written is read back, and what is no CDL is refused."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from wanfx_color.cdl import ColorCorrection, format_cc, read_cdl
from wanfx_color.exceptions import ColorError

GIVEN = ColorCorrection((1.1, 1.0, 0.9375), (0.01, 0.0, -0.00123), (1.0, 1.2, 0.8), 0.9, "scene-linear")


def test_a_file_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "walker.cc").write_text(format_cc(GIVEN, name="walker"), encoding="utf-8")
    assert read_cdl(tmp_path / "walker.cc") == GIVEN


def test_it_is_the_xml_that_the_asc_describes() -> None:
    root = ElementTree.fromstring(format_cc(GIVEN, name="walker"))
    assert root.tag == "ColorCorrection" and root.get("id") == "walker"
    assert [float(value) for value in (root.findtext("SOPNode/Slope") or "").split()] == list(GIVEN.slope)
    assert root.findtext("SOPNode/Description") == "scene-linear"


def test_a_file_that_was_changed_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "walker.cc"
    for saturation in (0.5, 1.5):
        given = ColorCorrection(GIVEN.slope, GIVEN.offset, GIVEN.power, saturation)
        path.write_text(format_cc(given, name="walker"), encoding="utf-8")
        assert read_cdl(path).saturation == saturation


@pytest.mark.parametrize("text", ["", "no XML", "<LUT/>"])
def test_what_is_no_cdl_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.cc").write_text(text)
    with pytest.raises(ColorError):
        read_cdl(tmp_path / "bad.cc")
