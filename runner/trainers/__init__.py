"""Trainers: one class per file, options and behaviour together. The union lists what a spec may name."""

from runner.trainers.ultralytics import CHAMPION, UltralyticsTrainer

Trainer = UltralyticsTrainer

__all__ = ["CHAMPION", "Trainer", "UltralyticsTrainer"]
