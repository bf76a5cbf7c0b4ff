"""Which methods of an experiment are one method at several learning rates of its rotations."""

from ..files import atomic
from . import schema, settings, tuning


def of_rotations(experiment: schema.Experiment) -> list[dict[str, float]]:
    """Group the methods with rotations that differ in the rotations' learning rate alone.

    Returns:
        Method -> its rate, from the smallest rate on, for each group of at least two rates.
    """
    groups: dict[str, dict[str, float]] = {}
    for name, method in experiment.methods.items():
        if tuning.ROTATES in method.parameters:
            rotation = settings.values(method.rotation or experiment.training.rotation)
            rate = rotation.pop("learning_rate")
            rest = settings.numbers(settings.values(method)) | {"rotation": rotation}
            groups.setdefault(atomic.digest(rest), {})[name] = rate
    ordered = (dict(sorted(rates.items(), key=lambda item: item[1])) for rates in groups.values())
    return [rates for rates in ordered if len(set(rates.values())) > 1]
