"""The shape of the code: what may import what, and how long things may be.

Every rule takes a parsed module and yields its violations; `_CASES` shows each rule a module that breaks it.
"""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_PROJECT = Path(__file__).resolve().parent.parent
_SOURCES = {
    "wanfx": "wanfx",
    "wanfx_color": "color",
    "blender_addon": "blender_addon",
    "wanfx_nuke": "nuke_gizmos/python/wanfx_nuke",
}

# From the bottom up; a module imports its own layer and those below it. A package stands for all its modules.
_LAYERS: list[set[str]] = [
    {"wanfx_color"},
    {"wanfx", "wanfx.errors", "wanfx.frames", "wanfx.options", "wanfx.images", "wanfx.events", "wanfx.shot",
     "wanfx.schema", "wanfx.knobs", "wanfx.runner", "wanfx.keys", "wanfx.names", "wanfx.colors",
     "wanfx.delivery", "wanfx.lease", "wanfx.cancel", "wanfx.pixels", "wanfx.ahead", "wanfx.wan_options",
     "wanfx.condition_options", "wanfx.finish_options", "wanfx.background_input", "wanfx.comp_parts"},
    {"wanfx.ops", "wanfx.io", "wanfx.backends.protocols", "wanfx.backends.steering"},
    {"wanfx.backends", "wanfx.units", "wanfx.manifest", "wanfx.demo"},
    {"wanfx.stages", "wanfx.qc", "wanfx.trust"},
    {"wanfx.pipeline", "wanfx.session", "wanfx.plan", "wanfx.plan_picture", "wanfx.views", "wanfx.clean_pass",
     "wanfx.make_manifest", "wanfx.clean", "wanfx.mattes", "wanfx.passes", "wanfx.pass_versions",
     "wanfx.make_union", "wanfx.sealing",
     "wanfx.worker", "wanfx.worker_plate", "wanfx.worker_requests", "wanfx.worker_session",
     "wanfx.worker_shot", "wanfx.worker_subjects", "wanfx.worker_track", "wanfx.farm"},
    {"wanfx.cli", "wanfx.ui", "wanfx.__main__"},
]  # fmt: skip
# Within a layer all may import each other, but ops is arrays in, arrays out.
_FORBIDDEN = {"wanfx.ops": "wanfx.io"}

_DCC_MODULES = {
    f"wanfx.{name}"
    for name in (
        "errors",
        "frames",
        "options",
        "knobs",
        "events",
        "shot",
        "schema",
        "runner",
        "wan_options",
        "condition_options",
        "finish_options",
        "background_input",
    )
}
_STDLIB = sys.stdlib_module_names
_SINCE_3_9 = {"tomllib"}  # standard library modules that Python 3.9 lacks
_WEIGHTY = {"torch", "torchvision", "diffusers", "transformers", "sam2", "onnxruntime", "accelerate"}
_DCC_APIS = {"bpy", "nuke", "nukescripts", "hou", "maya"}
_OWN_API = {"blender_addon": {"bpy", "bpy_extras", "bmesh", "gpu", "blf", "mathutils"},
            "wanfx_nuke": {"nuke", "nukescripts", "PySide2", "PySide6"}}  # fmt: skip
# Where a process or thread ends: here, and only here, any exception is turned into words or handed over.
_EDGES = {"wanfx.cli.main", "wanfx.worker", "wanfx.cancel"}
_MODULE_LINES, _FUNCTION_LINES = 300, 40


@dataclass(frozen=True)
class Module:
    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]


Rule = Callable[[Module], Iterator[str]]


def _modules() -> list[Module]:
    found = []
    for package, folder in _SOURCES.items():
        for path in sorted((_PROJECT / folder).rglob("*.py")):
            parts = [package, *path.relative_to(_PROJECT / folder).with_suffix("").parts]
            found.append(Module(".".join(parts).removesuffix(".__init__"), path.read_text(encoding="utf-8")))
    return found


_MODULES = _modules()
_NAMES = {module.name for module in _MODULES}


def _imported(module: Module, nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Dotted names; ``from package import module`` names the module where there is one."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = module.name.split(".")[: -node.level]
                base = ".".join([*here, *([base] if base else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in _NAMES or inner in set().union(*_LAYERS) else base


def _on_import(node: ast.AST) -> Iterator[ast.AST]:
    """Everything that runs when the module is imported: not the insides of functions, nor imports for types only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from _on_import(child)


def _top(name: str) -> str:
    return name.partition(".")[0]


def _layer(name: str) -> int | None:
    """The rank of a module's layer, which its package may have for it; None where neither is in one."""
    ranks = {entry: rank for rank, layer in enumerate(_LAYERS) for entry in layer}
    while name not in ranks and name.count(".") > (not name.startswith("wanfx_color")):
        name = name.rpartition(".")[0]
    return ranks.get(name)


def imports_point_down(module: Module) -> Iterator[str]:
    if module.package not in ("wanfx", "wanfx_color"):
        return
    rank = _layer(module.name)
    if rank is None:
        yield "is in no layer: add it to _LAYERS where it belongs"
        return
    for name in _imported(module, ast.walk(module.tree)):
        other = _layer(name)
        if _top(name) in ("wanfx", "wanfx_color") and other is not None and other > rank:
            yield f"imports {name}, which is above it"
        for below, above in _FORBIDDEN.items():
            if module.name.startswith(below) and name.startswith(above):
                yield f"imports {name}: {below} must not"


def color_stands_alone(module: Module) -> Iterator[str]:
    if module.package == "wanfx_color":
        allowed = _STDLIB | {"numpy", "PyOpenColorIO", "wanfx_color"}
        yield from (f"imports {n}" for n in _imported(module, ast.walk(module.tree)) if _top(n) not in allowed)


def dcc_modules_are_standard_library(module: Module) -> Iterator[str]:
    if module.name not in _DCC_MODULES:
        return
    for name in _imported(module, ast.walk(module.tree)):
        if _top(name) not in _STDLIB and name not in _DCC_MODULES | {"wanfx"}:
            yield f"imports {name}, which a DCC does not have"
    for name in _imported(module, _on_import(module.tree)):
        if _top(name) in _SINCE_3_9:
            yield f"imports {name} at module level, which Python 3.9 does not have"


def dcc_modules_parse_as_python_3_9(module: Module) -> Iterator[str]:
    if module.name in _DCC_MODULES or module.package in _OWN_API:
        try:
            ast.parse(module.text, feature_version=(3, 9))
        except SyntaxError as error:
            yield f"line {error.lineno}: {error.msg}"


def weighty_libraries_are_imported_late(module: Module) -> Iterator[str]:
    for name in _imported(module, _on_import(module.tree)):
        if _top(name) in _WEIGHTY:
            yield f"imports {name} at module level"


def each_dcc_has_its_own_code(module: Module) -> Iterator[str]:
    """wanfx knows no DCC; an add-on knows its own, and of wanfx only what a DCC can import."""
    own = _OWN_API.get(module.package, set())
    known = own | _STDLIB | {module.package} | _DCC_MODULES
    for name in _imported(module, ast.walk(module.tree)):
        foreign = module.package in _OWN_API and not {name, _top(name)} & known
        if foreign or _top(name) in _DCC_APIS - own:
            yield f"imports {name}"


def modules_are_short(module: Module) -> Iterator[str]:
    lines = len(module.text.splitlines())
    if lines >= _MODULE_LINES:
        yield f"has {lines} lines"


def functions_are_short(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            first = node.body[0]
            if ast.get_docstring(node, clean=False) is not None:
                lines -= first.end_lineno - first.lineno + 1
            if lines >= _FUNCTION_LINES:
                yield f"{node.name} has {lines} lines"


def no_shell_is_started(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if re.fullmatch(r"(os\.)?(system|popen)|(subprocess\.)?(getoutput|getstatusoutput)", called):
                yield f"line {node.lineno}: {called}"
            if any(k.arg == "shell" and ast.unparse(k.value) != "False" for k in node.keywords):
                yield f"line {node.lineno}: shell=True"


def _is_broad(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    if isinstance(kind, ast.Tuple):
        return any(_is_broad(item) for item in kind.elts)
    return ast.unparse(kind).removeprefix("builtins.") in ("Exception", "BaseException")


def errors_are_caught_by_name(module: Module) -> Iterator[str]:
    """A handler that ends by raising again (it only tidies up) may be broad."""
    if module.name in _EDGES:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
            last = node.body[-1]
            if not (isinstance(last, ast.Raise) and last.exc is None):
                yield f"line {node.lineno}: catches everything"
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("suppress")
            and any(map(_is_broad, node.args))
        ):
            yield f"line {node.lineno}: suppresses everything"


_RULES: list[Rule] = [
    imports_point_down,
    color_stands_alone,
    dcc_modules_are_standard_library,
    dcc_modules_parse_as_python_3_9,
    weighty_libraries_are_imported_late,
    each_dcc_has_its_own_code,
    modules_are_short,
    functions_are_short,
    no_shell_is_started,
    errors_are_caught_by_name,
]

_LONG = "def long():\n" + "    x = 1\n" * 39
_CASES: list[tuple[Rule, str, str]] = [
    (imports_point_down, "wanfx.ops.crop", "from wanfx.stages import clean"),
    (imports_point_down, "wanfx.stages.clean", "import wanfx.pipeline"),
    (imports_point_down, "wanfx.io.exr", "def late():\n    from ..cli import main"),
    (imports_point_down, "wanfx.frames", "from wanfx import pipeline"),
    (imports_point_down, "wanfx.ops.crop", "from wanfx.io.exr import read"),
    (imports_point_down, "wanfx.nowhere", "x = 1"),
    (color_stands_alone, "wanfx_color.configs", "import cv2"),
    (color_stands_alone, "wanfx_color.configs", "from wanfx.errors import ColorSpaceError"),
    (dcc_modules_are_standard_library, "wanfx.shot", "import numpy"),
    (dcc_modules_are_standard_library, "wanfx.shot", "def late():\n    from wanfx.io import exr"),
    (dcc_modules_are_standard_library, "wanfx.shot", "try:\n    import tomllib\nfinally:\n    pass"),
    (dcc_modules_parse_as_python_3_9, "wanfx.shot", "match x:\n    case 1:\n        pass"),
    (weighty_libraries_are_imported_late, "wanfx.backends.wan", "try:\n    import torch.nn\nfinally:\n    pass"),
    (weighty_libraries_are_imported_late, "wanfx.backends.wan", "class A:\n    from diffusers import Wan"),
    (each_dcc_has_its_own_code, "blender_addon.panel", "import nuke"),
    (each_dcc_has_its_own_code, "wanfx_nuke.knobs", "import bpy"),
    (each_dcc_has_its_own_code, "wanfx_nuke.knobs", "from wanfx.pipeline import run"),
    (each_dcc_has_its_own_code, "wanfx.shot", "import bpy"),
    (modules_are_short, "wanfx.ops.crop", "x = 1\n" * 300),
    (functions_are_short, "wanfx.ops.crop", _LONG),
    (no_shell_is_started, "wanfx.runner", "subprocess.run('ls', shell=True)"),
    (no_shell_is_started, "wanfx.runner", "os.system('ls')"),
    (errors_are_caught_by_name, "wanfx.runner", "try:\n    x = 1\nexcept:\n    pass"),
    (errors_are_caught_by_name, "wanfx.runner", "try:\n    x = 1\nexcept (OSError, Exception):\n    pass"),
    (errors_are_caught_by_name, "wanfx.runner", "with contextlib.suppress(BaseException):\n    x = 1"),
]
_KEPT: list[tuple[Rule, str, str]] = [
    (imports_point_down, "wanfx.stages.clean", "from wanfx.io import exr\nfrom wanfx import __version__"),
    (color_stands_alone, "wanfx_color.looks", "import numpy as np\nfrom wanfx_color import configs\nimport json"),
    (dcc_modules_are_standard_library, "wanfx.shot", "def load():\n    import tomllib\nfrom wanfx import errors"),
    (weighty_libraries_are_imported_late, "wanfx.backends.wan", "def load():\n    import torch"),
    (functions_are_short, "wanfx.ops.crop", _LONG.replace("    x = 1\n", '    """\n    a\n    """\n', 1)[:-10]),
    (errors_are_caught_by_name, "wanfx.runner", "try:\n    x = 1\nexcept BaseException:\n    tidy()\n    raise"),
]


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.__name__)
def test_the_code_keeps_the_rule(rule: Rule) -> None:
    broken = [f"{module.name}: {violation}" for module in _MODULES for violation in rule(module)]
    assert not broken, "\n".join(["", *broken])


@pytest.mark.parametrize(("rule", "name", "source"), _CASES)
def test_the_rule_sees_a_module_that_breaks_it(rule: Rule, name: str, source: str) -> None:
    assert list(rule(Module(name, source)))


@pytest.mark.parametrize(("rule", "name", "source"), _KEPT)
def test_the_rule_lets_a_module_pass_that_keeps_it(rule: Rule, name: str, source: str) -> None:
    assert not list(rule(Module(name, source)))


def test_every_rule_is_shown_to_be_able_to_fail() -> None:
    assert {case[0] for case in _CASES} == set(_RULES)


def test_the_rules_look_at_the_whole_code() -> None:
    assert {"wanfx", "wanfx.errors", "wanfx.io", "wanfx.cli", "wanfx_color"} <= _NAMES


def test_every_package_is_one_that_is_installed() -> None:
    config = configparser.ConfigParser()
    config.read(_PROJECT / "setup.cfg", encoding="utf-8")
    there = {
        ".".join([package, *path.parent.relative_to(_PROJECT / folder).parts])
        for package, folder in _SOURCES.items()
        if package.startswith("wanfx") and package != "wanfx_nuke"
        for path in (_PROJECT / folder).rglob("__init__.py")
    }
    assert set(config["options"]["packages"].split()) == there
