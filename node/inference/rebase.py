"""Probabilities of one population told for another."""

from __future__ import annotations

import math
from dataclasses import replace

from node.domain.findings import Estimate


def rebase(estimate: Estimate, *, trained: float, site: float) -> Estimate:
    """
    Re-base an estimate from the training prevalence to the site's.

    By Bayes' rule, if what a patient with (and one without) the target looks like is the same in both populations, only
    the prior odds change: logit p' = logit p + logit(site) - logit(trained), for all three numbers. Saerens, Latinne
    and Decaestecker, Neural Computation 14:21-41 (2002), section 2. The contributions do not change: the shift belongs
    to the population and not to an input.

    Args:
        estimate: As trained.
        trained: Prevalence the estimate is calibrated to, between 0 and 1.
        site: Prevalence among the patients it is used for, between 0 and 1.
    """
    shift = logit(site) - logit(trained)
    probability, lower, upper = (_shifted(p, shift) for p in (estimate.probability, estimate.lower, estimate.upper))
    return replace(estimate, probability=probability, lower=lower, upper=upper)


def logit(p: float) -> float:
    """Natural log-odds of a probability strictly between 0 and 1."""
    return math.log(p) - math.log1p(-p)


def _shifted(p: float, shift: float) -> float:
    if p in (0.0, 1.0):
        return p  # what is certain stays certain under any prior
    odds = math.exp(min(logit(p) + shift, 700.0))  # beyond 700 the exponential leaves the range of a double
    return odds / (1 + odds)
