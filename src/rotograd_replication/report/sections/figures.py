"""Every figure with what it shows, its data and the command that redraws it."""

import ast
from typing import Any

from ... import plugins
from ._material import Material

TITLE = "Figures"


def build(material: Material) -> dict[str, Any]:
    """Gather the study's figures that are drawn, and the names of those that are not."""
    drawn = []
    for name, files in material.figures.items():
        drawn.append(
            {
                "name": name,
                "says": _says(name),
                "caption": material.caption(material.study.figures[name]),
                "files": files,
                "command": f"snakemake --force {files['pdf']} --config study={material.name}",
            }
        )
    absent = [name for name in material.study.figures if name not in material.figures]
    return {"figures": drawn, "absent": absent}


def _says(name: str) -> str:
    """Say what a figure shows: the first paragraph of its plug-in's docstring."""
    source = (plugins.ROOT / plugins.FOLDERS["figures"] / f"{name}.py").read_text()
    return (ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0].replace("\n", " ")
