r"""Text as LaTeX: booktabs, rules below groups of columns, and wide tables in parts.

A table of more columns than a page takes is several tabulars below one another, in one float, under
one caption: as many groups of columns in each as there is room for, and the rows' labels in all.
What is wider than the text is shrunk to it.
"""

import re
from typing import Any

import pandas as pd

# Columns of numbers side by side.
WIDE = 12
ESCAPES = {
    "\\": r"\textbackslash{}",
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "Δ": r"$\Delta$",
    "π": r"$\pi$",
    "±": r"$\pm$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "−": "$-$",
    "°": r"$^\circ$",
}
FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"


def escape(text: str) -> str:
    """Escape the characters of `text` that LaTeX would take as commands."""
    return "".join(ESCAPES.get(character, character) for character in text)


def table(body: pd.DataFrame, caption: str, label: str) -> str:
    """Write a float.

    Args:
        body: Cells that are LaTeX already; rows (block, label) and grouped columns that are not.
        caption: To be escaped.
        label: Its name for references.
    """
    body = body.set_axis(body.index.map(lambda row: tuple(map(escape, row))))
    body = body.set_axis(body.columns.map(lambda column: tuple(map(escape, column))), axis=1)
    parts = [f"{FIT}\n{tabular(body[columns])}}}\n" for columns in pages(body.columns)]
    text = "\n\\medskip\n\n".join(parts)
    start = rf"""% Needs: booktabs, graphicx, multirow
\begin{{table}}
\centering
\caption{{{escape(caption)}}}
\label{{tab:{label}}}
"""
    small = "\\footnotesize\n" if len(parts) > 1 else ""
    return f"{start}{small}{text}\\end{{table}}\n"


def pages(columns: pd.Index) -> list[list[tuple[str, ...]]]:
    """Divide columns into parts: neighbouring groups, at most `WIDE` columns or one group."""
    found: list[list[tuple[str, ...]]] = []
    for group in columns.unique(0):
        own = [column for column in columns if column[0] == group]
        if found and len(found[-1]) + len(own) <= WIDE:
            found[-1] += own
        else:
            found.append(own)
    return found


def tabular(body: pd.DataFrame) -> str:
    """Write rows and columns alone (with multirow where rows have blocks)."""
    blocks = body.index.get_level_values(0).unique()
    nameless: list[Any] = [None] * body.index.nlevels
    body = body.rename_axis(index=nameless)
    nameless = [None] * body.columns.nlevels
    body = body.rename_axis(columns=nameless)
    body = body.droplevel(0) if list(blocks) == [""] else body
    columns = "l" * body.index.nlevels + "r" * body.shape[1]
    text = body.style.to_latex(
        hrules=True,
        clines=None if len(blocks) < 2 else "skip-last;data",
        column_format=columns,
        multicol_align="c",
        multirow_align="t",
    )
    last = rf"\cline{{1-{len(columns)}}}" + "\n\\bottomrule"
    text = text.replace(last, r"\bottomrule").replace(r"\cline", r"\cmidrule")
    return "\n".join(line + group_rules(line) for line in text.split("\n"))


def group_rules(line: str) -> str:
    """Write a rule below every group of columns that a line of LaTeX names, on its own line."""
    rules, first = "", 1
    for cell in line.split(" & "):
        group = re.match(r"\\multicolumn\{(\d+)\}", cell)
        width = int(group[1]) if group else 1
        rules += rf" \cmidrule(lr){{{first}-{first + width - 1}}}" if group else ""
        first += width
    return rules and "\n" + rules[1:]
