"""flywheel: declarative GitOps for data-centric vision AI."""

__version__ = "0.1.0"
