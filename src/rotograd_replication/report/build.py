"""The report: one self-contained page that says whether the paper held up, how sure, at what cost.

Each section is a file of `report/sections/`, which gathers, and a template of the same name, which
shows.
"""

import base64
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml

from .. import plugins
from ..claims import verdict_file
from ..config import schema
from ..config.equal_code import TrainingCode
from ..files import atomic
from ..paper.caption import STANDIN
from ..results import run_states, tidy
from .sections import _text
from .sections._material import Material

log = logging.getLogger(__name__)
SECTIONS = ("claims", "tables", "figures", "matrix", "cost", "ledger", "citation")
TEMPLATES = Path(__file__).parent / "sections"


def run(
    study: schema.Study,
    study_name: str,
    metrics: str,
    history: str,
    provenance: str,
    places: run_states.Places,
    tables: str,
    figures: str,
    verdicts: Path,
    citation: Path,
    code: TrainingCode,
    out: Path,
    locked: Mapping[str, str] | None = None,
) -> None:
    """Write the page from what there is; it names what is missing.

    Args:
        study: The configuration.
        study_name: Its name.
        metrics: The path of an `{experiment}`'s tidy table.
        history: The path of its history.
        provenance: The path of its provenance.
        places: The paths of a run's files.
        tables: The path of a `{table}` of a `{kind}` (csv, md, tex).
        figures: The path of a `{figure}` of a `{kind}` (csv, pdf, png).
        verdicts: What `verdict` wrote.
        citation: `CITATION.cff`.
        code: The present training code; runs of other code that is not equal are stale.
        out: Written: the page.
        locked: The versions of the lock, for captions.

    Raises:
        ValueError: A file that is not whole.
    """
    results = {}
    for name in study.experiments:
        files = [Path(place.format(experiment=name)) for place in (metrics, history, provenance)]
        if all(file.is_file() for file in files):
            results[name] = tidy.read(*files)
    material = Material(
        study,
        study_name,
        results,
        run_states.runs(study, places, code),
        places.metrics,
        verdict_file.read(verdicts) if verdicts.is_file() else None,
        _files(tables, "table", study.tables, ("csv", "md", "tex")),
        _files(figures, "figure", study.figures, ("csv", "pdf", "png")),
        yaml.safe_load(citation.read_text()),
        code,
        lambda path: os.path.relpath(path, out.parent),
        locked,
    )
    page = build(material)
    with atomic.atomic(out) as temporary:
        temporary.write_text(page)
    log.info("%s: %d runs, %.1f MB", out.name, len(material.runs), len(page) / 1e6)


def build(material: Material) -> str:
    """Make the page as HTML; the same bytes for the same material."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    templates = jinja2.Environment(
        loader=loader,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    templates.filters |= {
        "number": _text.number,
        "duration": _text.duration,
        "memory": _text.memory,
        "embed": _embed,
    }
    templates.globals |= {"study": material.study, "name": material.name, "link": material.link}
    sections = []
    for name in SECTIONS:
        plug = plugins.load("sections", name)
        body = templates.get_template(f"{name}.html").render(plug.build(material))
        sections.append({"id": name, "title": plug.TITLE, "body": body})
    standins = [d.label for d in material.study.datasets.values() if d.standin]
    return templates.get_template("_page.html").render(
        sections=sections,
        facts=_facts(material),
        standin=STANDIN if standins else "",
    )


def _files(place: str, word: str, names: Any, kinds: tuple[str, ...]) -> dict[str, dict[str, Path]]:
    """Find the outputs that exist, by name and kind."""
    every = {
        name: {kind: Path(place.format(**{word: name, "kind": kind})) for kind in kinds}
        for name in names
    }
    return {
        name: files for name, files in every.items() if all(f.is_file() for f in files.values())
    }


def _embed(path: Path) -> str:
    """Write a PNG as a data URI, so that the page needs no other file."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _facts(material: Material) -> dict[str, str]:
    """Write the line below the title: how much was run, on what, for how long."""
    states = [run.state for run in material.runs if run.record]
    records = [run.record for run in material.runs if run.record]
    odd = [s for s in (run_states.DIVERGED, run_states.STALE) if s in states]
    counts = [f"{states.count(state)} {state}" for state in odd]
    return {
        "runs": ", ".join([f"{len(records)} of {len(material.runs)}", *counts]),
        "experiments": str(len(material.study.experiments)),
        "data": "; ".join(dict.fromkeys(record.data.label for record in records)) or _text.NONE,
        "hardware": ", ".join(sorted({record.device for record in records})) or _text.NONE,
        "computed": _text.duration(sum(record.seconds for record in records)),
    }
