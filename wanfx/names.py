"""Names that are safe on every system, and the templates they are made from."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping

from wanfx.errors import OptionError

_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*#%{}\s]+')
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)
_TEMPLATE_REMEDY = "write it as {shot}_{version}"
# File systems take 255 bytes; frame number and suffix need their share, and so may what a farm puts before it.
_LONGEST_BYTES = 200
TEMPLATE_FIELDS = ("show", "seq", "shot", "task", "quality", "colorspace", "version")


def slug(text: str) -> str:
    """``text`` as a file name: NFC, no spaces, safe on Windows (no reserved words or characters).

    >>> slug("sh 010: take/2"), slug("CON"), slug("Über"), slug("..")
    ('sh_010_take_2', 'CON_', 'Über', '_')
    """
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", text)).strip("._ ")
    if not name:
        return "_"
    reserved = _RESERVED.match(name)
    if reserved:
        end = reserved.end(1)
        return f"{name[:end]}_{name[end:]}"
    return name


def character_folder(subject: str) -> str:
    """The name of the folder of a subject's new matte, of that of its own."""
    return f"char_{subject}"


def layer_name(text: str) -> str:
    """``text`` as an EXR layer name: letters, digits and underscores, and no digit at the end (Nuke drops those).

    >>> layer_name("girl 2"), layer_name("boy.left")
    ('girl_2_', 'boy_left')
    """
    name = re.sub(r"[^A-Za-z0-9_]+", "_", unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode())
    name = name.strip("_") or "subject"
    return f"{name}_" if name[-1].isdigit() else name


def fill_template(template: str, *, fields: Mapping[str, str], key: str) -> str:
    """The template with its fields; parts that are empty leave no double underscore.

    Raises OptionError for what is no template, has fields that there are not, or makes a name too long for a file.

    >>> fill_template("{show}_{shot}_{version}", fields={"show": "", "shot": "sh010", "version": "v001"}, key="k")
    'sh010_v001'
    """
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise OptionError(f"{template!r} is not a template: {error}", key=key, remedy=_TEMPLATE_REMEDY) from error
    unknown = [name for name in names if name not in TEMPLATE_FIELDS]
    if unknown:
        known = ", ".join("{" + name + "}" for name in TEMPLATE_FIELDS)
        raise OptionError(f"{{{unknown[0]}}} is no field of a name", key=key, remedy=f"the fields are {known}")
    try:
        filled = template.format_map({name: slug(fields.get(name, "")) if fields.get(name) else "" for name in names})
    except ValueError as error:
        raise OptionError(f"{template!r} is not a template: {error}", key=key, remedy=_TEMPLATE_REMEDY) from error
    made = slug(re.sub(r"_{2,}", "_", filled))
    if (count := len(made.encode())) > _LONGEST_BYTES:
        raise OptionError(
            f"makes a name of {count} bytes, and a file has room for {_LONGEST_BYTES}",
            key=key, remedy="write a shorter one, or give the shot a shorter name",
        )  # fmt: skip
    return made
