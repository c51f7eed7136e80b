"""Drawing for the chapters; it imports matplotlib, which the rest of epbook does without."""

from .look import COLOURS, curve, rug, style
from .plane import boundary, classes, contour, doubt, field_and_curves, hemisphere, network, simplex
from .results import chances, cost_accuracy, criteria

__all__ = [
    "COLOURS",
    "boundary",
    "chances",
    "classes",
    "contour",
    "cost_accuracy",
    "criteria",
    "curve",
    "doubt",
    "field_and_curves",
    "hemisphere",
    "network",
    "rug",
    "simplex",
    "style",
]
