"""Trainers: one class per file, options and behaviour together. The union lists what a spec may name."""

from runner.trainers.terms import EpochValue, TrainingTerms
from runner.trainers.trainer import Trainer
from runner.trainers.ultralytics import CHAMPION, UltralyticsTrainer
from runner.trainers.ultralytics_terms import UltralyticsTerms

TrainerOptions = UltralyticsTrainer
TRAINERS: dict[str, type[TrainerOptions]] = {"ultralytics": UltralyticsTrainer}
TERMS: dict[str, TrainingTerms] = {"ultralytics": UltralyticsTerms()}


def training_terms(framework: str) -> TrainingTerms:
    """How a training record's values read; those of a framework that this version does not know are left out."""
    return TERMS.get(framework) or TrainingTerms()


__all__ = [
    "CHAMPION",
    "TERMS",
    "TRAINERS",
    "EpochValue",
    "Trainer",
    "TrainerOptions",
    "TrainingTerms",
    "UltralyticsTrainer",
    "training_terms",
]
