"""Every hyper-parameter of a study on one page, with its source: what is the paper's, what ours."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic

from ..config import choice, schema
from ..config.choice import Choice
from ..files import atomic


def entries(model: Any, place: str = "") -> Iterator[tuple[str, schema.Sourced]]:
    """Yield every sourced value below `model`, with its place."""
    if isinstance(model, schema.Sourced):
        yield place, model
    elif isinstance(model, pydantic.BaseModel):
        for key in type(model).model_fields:
            yield from entries(getattr(model, key), f"{place}.{key}" if place else key)
    elif isinstance(model, dict):
        for key, value in model.items():
            yield from entries(value, f"{place}.{key}")


def run(study: schema.Study, study_name: str, choices: list[Choice], out: Path) -> None:
    """Write the page as Markdown, a table per experiment and one per dataset.

    Args:
        study: The configuration.
        study_name: Its name.
        choices: What tuning chose; values that it has not chosen yet are missing.
        out: Written.
    """
    study = choice.apply(study, choices)
    sections = [
        *((f"Experiment `{name}`", model) for name, model in study.experiments.items()),
        *((f"Dataset `{name}`", model) for name, model in study.datasets.items()),
    ]
    lines = [f"# Hyper-parameters of the study `{study_name}`", "", study.summary, ""]
    lines += ["`choice` marks what the available sources do not say: it is this project's.", ""]
    for title, model in sections:
        lines += [f"## {title}", "", "| parameter | value | source |", "|---|---|---|"]
        for place, item in entries(model):
            source = f"**choice**{item.source[6:]}" if item.source[:6] == "choice" else item.source
            lines.append(f"| `{place}` | `{item.value}` | {source.replace('|', '/')} |")
        lines.append("")
    with atomic.atomic(out) as temporary:
        temporary.write_text("\n".join(lines))
