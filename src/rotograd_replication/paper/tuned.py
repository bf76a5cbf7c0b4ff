"""What a caption says of tuning: its budget, how many trials each method had, and what to doubt."""

from ..config import schema
from ..config.choice import Choice
from ..results.tidy import Results
from . import words


def choices(study: schema.Study, results: Results) -> dict[str, Choice]:
    """Give what was chosen, in the order of the experiment's methods."""
    methods = study.experiments[results.name].methods
    return {name: results.choices[name] for name in methods if name in results.choices}


def sentences(study: schema.Study, results: Results) -> list[str]:
    """Yield a sentence on the grids, and one for each thing that puts a choice in doubt.

    Args:
        study: The configuration, for the methods' labels.
        results: An experiment.
    """
    chosen = choices(study, results)
    if not chosen:
        return []
    labels = {name: study.experiments[results.name].methods[name].label for name in chosen}
    first = next(iter(chosen.values()))
    budget = f"{first.epochs_said}, {first.seeds_said}: a choice, the paper states none"
    trials = words.grouped((str(len(c.candidates)), labels[name]) for name, c in chosen.items())
    others = "; none of the others" if set(results.methods) - set(chosen) else ""
    found = [f"Tuned on validation, {results.name} ({budget}), trials: {trials}{others}."]
    if ends := [labels[name] for name, choice in chosen.items() if choice.at_end]:
        found.append(f"Best value at an end of the grid: {' / '.join(ends)}.")
    if lost := [labels[name] for name, choice in chosen.items() if choice.diverged]:
        found.append(f"Every candidate diverged: {' / '.join(lost)}.")
    return found
