"""The Lua scripts, as the server gets them."""

from functools import cache
from importlib.resources import files


@cache
def source(name: str) -> str:
    """`checks.lua`, which all scripts share, and the script itself."""
    folder = files("serving") / "lua"
    return "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in ("checks", name))
