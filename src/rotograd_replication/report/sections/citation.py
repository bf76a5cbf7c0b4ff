"""How to cite the paper and this replication, from `CITATION.cff`."""

from typing import Any

from ._material import Material

TITLE = "How to cite"


def build(material: Material) -> dict[str, Any]:
    """Write two BibTeX entries."""
    ours = material.citation
    theirs = ours["preferred-citation"]
    paper = {
        "title": theirs["title"],
        "author": _authors(theirs),
        "booktitle": theirs["conference"]["name"]
        if isinstance(theirs["conference"], dict)
        else theirs["conference"],
        "year": theirs["year"],
        "url": theirs["url"],
    }
    software = {
        "title": ours["title"],
        "author": _authors(ours),
        "version": ours["version"],
        "note": f"Licence: {ours['license']}",
    }
    key = theirs["authors"][0]["family-names"].lower()
    entries = [
        _bibtex("inproceedings", f"{key}{theirs['year']}", paper),
        _bibtex("software", f"{key}{theirs['year']}replication", software),
    ]
    return {"message": ours["message"], "entries": entries}


def _authors(entry: dict[str, Any]) -> str:
    names = (a.get("name") or f"{a['family-names']}, {a['given-names']}" for a in entry["authors"])
    return " and ".join(f"{{{n}}}" if "," not in n else n for n in names)


def _bibtex(kind: str, key: str, fields: dict[str, Any]) -> str:
    lines = [f"  {name:<9} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])
