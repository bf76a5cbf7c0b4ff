"""What a caption says of tuning: its budget, how many trials each method had, and what to doubt."""

from ..config import schema
from ..results.tidy import Results


def sentences(study: schema.Study, results: Results) -> list[str]:
    """Yield a sentence on the grids, and one for each thing that puts a choice in doubt.

    Args:
        study: The configuration, for the methods' labels.
        results: An experiment.
    """
    choices, methods = results.choices, study.experiments[results.name].methods
    if not choices:
        return []
    labels = {name: methods[name].label for name in choices}
    first = next(iter(choices.values()))
    budget = f"{first.epochs_said}, {first.seeds_said}: a choice, the paper states none"
    trials = ", ".join(f"{labels[n]} {len(choice.candidates)}" for n, choice in choices.items())
    others = "; the others have none" if results.methods != list(choices) else ""
    found = [f"Tuned on validation, {results.name} ({budget}), trials: {trials}{others}."]
    if ends := [labels[name] for name, choice in choices.items() if choice.at_end]:
        found.append(f"Best at the end of the grid: {', '.join(ends)}.")
    if lost := [labels[name] for name, choice in choices.items() if choice.diverged]:
        found.append(f"Every candidate diverged: {', '.join(lost)}.")
    return found
