"""Logistic regression with numpy, and its measures."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = "npt.NDArray[np.float64]"

ROUNDS = 60
CLOSE = 1e-6


def fit(inputs: Array, labels: Array, weights: Array, penalty: float) -> Array:
    """Fit by Newton's method with an L2 penalty; the last coefficient is the bias, which has none."""
    extended = np.hstack([inputs, np.ones((len(inputs), 1))])
    penalties = np.eye(extended.shape[1]) * penalty
    penalties[-1, -1] = CLOSE
    found = np.zeros(extended.shape[1])
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-extended @ found))
        slope = extended.T @ (weights * (chance - labels)) + penalties @ found
        curve = (extended.T * (weights * chance * (1 - chance))) @ extended + penalties
        step = np.linalg.solve(curve, slope)
        found = found - step
        if np.abs(step).max() < CLOSE:
            break
    return found


def scores(inputs: Array, coefficients: Array) -> Array:
    result: Array = inputs @ coefficients[:-1] + coefficients[-1]
    return result


def held_out(inputs: Array, labels: Array, weights: Array, penalty: float, folds: int = 10) -> Array:
    """Return for each example the score of a model that was fitted without its fold."""
    order = np.random.default_rng(0).permutation(len(labels))
    result = np.zeros(len(labels))
    for fold in range(folds):
        held = order[fold::folds]
        kept = np.setdiff1d(order, held)
        result[held] = scores(inputs[held], fit(inputs[kept], labels[kept], weights[kept], penalty))
    return result


def area(found: Array, labels: Array) -> float:
    """Area under the ROC curve: how often a useful example scores above one that is not."""
    ranks = np.empty(len(found))
    ranks[np.argsort(found)] = np.arange(len(found))
    useful = labels.sum()
    return float((ranks[labels == 1].sum() - useful * (useful - 1) / 2) / (useful * (len(labels) - useful)))


def precision_and_recall(found: Array, labels: Array, threshold: float) -> tuple[float, float]:
    chosen = found > threshold
    right = float(labels[chosen].sum())
    return right / max(1.0, float(chosen.sum())), right / float(labels.sum())


def threshold_for(found: Array, labels: Array, recall: float) -> float:
    """The highest threshold that keeps this share of the useful examples."""
    useful = np.sort(found[labels == 1])
    return float(useful[int((1 - recall) * len(useful))]) - CLOSE
