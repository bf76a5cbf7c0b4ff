"""Words for several seeds, and for several methods of which the same is said."""

from collections.abc import Iterable


def seeds(numbers: Iterable[int]) -> str:
    """Seeds in words: `seed 1`, `seeds 0, 2 to 9`."""
    runs: list[list[int]] = []
    for seed in sorted(numbers):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    parts = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return f"seed{'s' * (sum(map(len, runs)) > 1)} {', '.join(parts)}"


def joined(said: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join the labels of which the same is said, each once: `{"seed 1": "A / B"}`."""
    labels: dict[str, list[str]] = {}
    for words, label in said:
        labels.setdefault(words, []).append(label)
    return {words: " / ".join(dict.fromkeys(of)) for words, of in labels.items()}


def grouped(said: Iterable[tuple[str, str]]) -> str:
    """Say of which labels the same holds: `seed 1 of A / B; every seed of C`."""
    return "; ".join(f"{words} of {labels}" for words, labels in joined(said).items())
