"""Log-odds that come true: Platt scaling, and the intercept alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

Array = NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    """Log-odds to probability, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def platt(log_odds: Array, target: NDArray[np.bool_], *, most: float = np.inf) -> tuple[float, float]:
    """
    Slope and offset that make log-odds come true: unpenalised logistic regression on them (Platt 1999).

    Args:
        log_odds: Shape (n,), of patients that were held out.
        target: Shape (n,).
        most: Largest slope allowed.
    """
    if np.ptp(log_odds) < 1e-9:
        return 1.0, lacking(log_odds, target)
    fitted = LogisticRegression(C=np.inf, tol=1e-8).fit(log_odds[:, None], target)
    slope = float(np.clip(fitted.coef_[0, 0], 0.0, most))
    return slope, lacking(slope * log_odds, target)


def lacking(log_odds: Array, target: NDArray[np.bool_]) -> float:
    """
    What must be added to log-odds for the mean probability to be the prevalence: bisection, the mean rises with it.

    It is the maximum-likelihood intercept with the slope held at 1: its score equation says just that.
    """
    low, high = -30.0, 30.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(log_odds + middle).mean() < target.mean() else (low, middle)
    return (low + high) / 2
