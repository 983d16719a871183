"""The tiny trained sprint, built once for all test processes."""

from tests.models_fixture import tiny_root

__all__ = ["tiny_root"]
