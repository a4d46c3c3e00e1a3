"""A model's card: its manifest told to a person. It holds no number that the manifest does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from node.domain.facts import SLOPES, allows_calibration
from node.training.card_applicability import applicability
from node.training.card_masks import masks
from node.training.card_stability import stability
from node.training.card_words import capital, interval, percent, plain, table, whose
from node.training.reporting import rqs, without_weights
from node.training.tripod import all_required, tripod

MARK = "Written by radnode from `model.toml`; do not edit."
"""Stands in every card that is made here: such a card must be what its manifest says."""

Manifest = Mapping[str, Any]


def write_card(manifest: Manifest) -> str:
    """The card as Markdown, made of `model.toml` (of [files] only the names count) and nothing else."""
    parts = [_head(manifest), _inputs(manifest), _training(manifest), _performance(manifest), _subgroups(manifest),
             _calibration(manifest), _decision(manifest), applicability(manifest), stability(manifest),
             masks(manifest), _limits(manifest), _data(manifest), _reporting(manifest)]  # fmt: skip
    return "\n\n".join(filter(None, ("\n".join(part) for part in parts))) + "\n"


def _head(m: Manifest) -> Iterator[str]:
    yield f"# {m['name']} ({m['id']} {m['version']})"
    yield ""
    yield f"Made by {m['manufacturer']}. {MARK}"
    yield ""
    gene = f" ({', '.join(filter(None, (m.get('gene', ''), m.get('hgnc_id', ''))))})" if m.get("gene") else ""
    if m["engine"] == "refusal":
        yield f"**Answers nothing about {m['target']}{gene}:** {m['refusal']['text']}."
    else:
        yield f"**Answers:** the probability of {m['target']}{gene}."
    yield ""
    yield f"**Intended use:** {m['intended_use']}"
    if m.get("exploratory"):
        yield ""
        yield f"**{capital(m['exploratory'])}**"


def _inputs(m: Manifest) -> Iterator[str]:
    if not m.get("inputs"):
        return
    weights = m.get("performance", {}).get("weights", {})
    yield "## Inputs"
    yield ""
    yield from table(
        ("input", "from", "required", "meaning", "weight"),
        (
            (i["name"], i["source"], "yes" if i.get("required") else "no",
             i.get("meaning", "") + (" (logarithm)" if i.get("scale") == "log" else ""),
             f"{weights[i['name']]:+.3f}" if i["name"] in weights else "")
            for i in m["inputs"]
        ),
    )  # fmt: skip
    yield ""
    if m["engine"] == "onnx" and weights:
        yield _weighed(published="odds_ratios" in m["performance"], required=all_required(m))
    if m.get("extraction"):
        yield ""
        yield (
            "Radiomic features as in [extraction]: "
            + "; ".join(f"{k} {plain(v)}" for k, v in m["extraction"].items())
            + "."
        )
    if "odds_ratios" in m.get("performance", {}):
        yield ""
        yield "Published odds ratios, and how common each finding is taken to be (an assumption):"
        yield ""
        shares = m["performance"]["declared_share"]
        rows = ((name, f"{ratio:g}", f"{shares[name]:g}") for name, ratio in m["performance"]["odds_ratios"].items())
        yield from table(("input", "odds ratio", "share of patients"), rows)
    if m.get("preprocessing"):
        yield ""
        yield from (f"- {key.replace('_', ' ')}: {value}" for key, value in m["preprocessing"].items())


def _weighed(*, published: bool, required: bool) -> str:
    """What the column of weights means."""
    if published:
        return (
            "Weights are logarithms of the odds ratios below, centred so that the mean answer over patients who have "
            "the findings as often as stated there is the prior. A missing finding leaves the estimate as it is; the "
            "interval holds what it may change."
        )
    missing = (
        "Every input is required, so nothing is imputed."
        if required
        else "For the estimate a missing input counts as their mean; the interval holds what it may change."
    )
    return (
        f"Weights are log-odds per standard deviation of the training patients. {missing} A value beyond the training "
        "range counts as its end."
    )


def _training(m: Manifest) -> Iterator[str]:
    training, found = m.get("training", {}), m.get("performance", {})
    if not training:
        return
    yield "## Training"
    yield ""
    yield training["sentence"]
    if training.get("prevalence"):
        among = " among the rows" if training.get("rows") else ""
        made_for = " among them." if m["engine"] == "refusal" else f"{among}, which the answers are made for."
        yield f"Prevalence {percent(training['prevalence'])}{made_for}"
    if "penalty_strength" in found:
        yield ""
        yield (
            f"Logistic regression with an elastic-net penalty (strength {found['penalty_strength']:g}, share of "
            f"L1 {found['penalty_l1_share']:g}), chosen by inner cross-validation. {_recalibrated(m['calibration'])}"
        )
    if m.get("interval"):
        yield ""
        yield f"Interval ({percent(m['interval']['level'])}): {m['interval']['method']}."


def _recalibrated(calibration: Manifest) -> str:
    if calibration["method"] == "none":
        return "It was not recalibrated."
    return (
        f"Recalibration: {calibration['method']}; in this model it multiplies the log-odds by "
        f"{calibration['shrinkage']:g}."
    )


def _performance(m: Manifest) -> Iterator[str]:
    found, calibration, point = m.get("performance", {}), m.get("calibration", {}), m.get("operating_point", {})
    if "auc" not in found:
        return
    yield "## Performance"
    yield ""
    yield (
        f"{capital(found['method'])}. Its numbers are means over the repeats; the calibration error is that of the "
        "table under Calibration."
    )
    if without_weights(m):
        yield ""
        yield "All of this is of the procedure; the shipped model tells everyone the same."
    yield ""
    rows = [("AUC", *_auc({"auc": found["auc"], "interval": found.get("auc_interval")}))]
    if found.get("folds_alike"):
        rows += [("models of the folds that told everyone the same", f"{found['folds_alike']} of {found['folds']}", "")]
    rows += [(f"AUC of {n} alone, in the same folds", *_auc(v)) for n, v in found.get("baselines", {}).items()]
    rows += [(f"AUC, {n}", *_auc(v)) for n, v in found.get("auc_across", {}).items()]
    rows += [(f"AUC among patients of {n}", *_auc({"auc": v})) for n, v in found.get("auc_within", {}).items() if n]
    rows += [(f"AUC {n}", *_auc(v)) for n, v in found.get("auc_withheld", {}).items()]
    if "brier" in calibration:
        of_prevalence = f"Brier score (of the bare prevalence: {found['brier_of_prevalence']:.3f})"
        rows += [(of_prevalence, f"{found['brier']:.3f}", "")]
        if "slope" in calibration:
            bounds = calibration.get("slope_interval")
            row = f"{calibration['slope']:.2f}", interval(bounds) if bounds else ""
            rows += [("calibration slope (ideal 1)", *row)]
        rows += [("calibration intercept (ideal 0)", f"{calibration['intercept']:.2f}", "")]
        rows += [("expected calibration error", f"{calibration['ece']:.3f}", "")]
    for name in ("sensitivity", "specificity") if point else ():
        of = " of rows" if whose(m) == "row" else ""
        label = f"{name}{of} at a probability of {point['threshold']:.3f} (the training prevalence)"
        rows.append((label, f"{point[name]:.2f}", interval(point[f"{name}_interval"])))
    yield from table(("", "value", "95 % interval"), rows)
    yield ""
    yield _shown(m)


def _shown(m: Manifest) -> str:
    """What the slope says of the answers, and whether there is a threshold."""
    if m["engine"] == "refusal":
        return "No number is given, so none needs calibration or an operating point."
    slopes = m["calibration"].get("slope_interval")
    shown = "Not shown to be calibrated: results call the answer a score, not a probability."
    if m["calibration"]["calibrated"]:
        shown = (
            f"The interval of the calibration slope holds 1 and lies within {SLOPES[0]:g} and {SLOPES[1]:g}: results "
            "call the answer a calibrated probability."
        )
    elif slopes and allows_calibration(slopes):
        shown = (
            f"The interval of the calibration slope holds 1, but is wider than {SLOPES[0]:g} to {SLOPES[1]:g}, or "
            "rests on events that its makers call too few: results call the calibration uncertain."
        )
    none = " There is no operating point: everyone is told the same." if not m.get("operating_point") else ""
    return shown + none


def _subgroups(m: Manifest) -> Iterator[str]:
    found = m.get("performance", {})
    groups = found.get("subgroups", {})
    if not groups:
        return
    yield "## Subgroups"
    yield ""
    yield "The same held-out answers, counted among some of the patients."
    yield ""
    rows = []
    for name, part in groups.items():
        rows.append(("this model", name, *_part(part)))
        simple = found.get("baseline_subgroups", {})
        rows += [(f"{b} alone", name, *_part(parts[name])) for b, parts in simple.items() if name in parts]
    yield from table(("model", "patients", "n", "with the target", "mean stated", "AUC", "95 % interval"), rows)


def _calibration(m: Manifest) -> Iterator[str]:
    groups = m.get("performance", {}).get("reliability", ())
    if not groups:
        return
    yield "## Calibration"
    yield ""
    yield "![Stated against observed](calibration.png)"
    yield ""
    each, of_patients = whose(m), "those of as many patients as a group has answers per repeat"
    intervals = {"patient": of_patients, "row": "bootstrapped over patients, all rows of one together"}[each]
    yield (
        f"Held-out answers, one of every {each} in every repeat, in groups of about equal size; equal answers are in "
        f"one group. The intervals are {intervals}."
    )
    yield ""
    rows = [
        (f"{g['n']}", f"{g['events']}", f"{g['stated']:.3f}", f"{g['observed']:.3f}", interval(g["interval"]))
        for g in groups
    ]
    yield from table(("answers", f"to {each}s with the target", "mean stated", "observed", "95 % interval"), rows)


def _decision(m: Manifest) -> Iterator[str]:
    curve = m.get("performance", {}).get("decision_curve", ())
    if not curve:
        return
    yield "## Decision curve"
    yield ""
    yield "![Net benefit](decision.png)"
    yield ""
    yield (
        f"Net benefit per {whose(m)} of acting where the held-out probability reaches a threshold (true positives, "
        "less false ones weighed by the odds of the threshold). Where the model does not lie above both alternatives, "
        "it is of no use for that decision."
    )
    yield ""
    rows = [(f"{p['threshold']:.2f}", f"{p['model']:.3f}", f"{p['all']:.3f}", f"{p['none']:.3f}") for p in curve]
    yield from table(("threshold", "act on the model", "act on everyone", "act on none"), rows)


def _limits(m: Manifest) -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield from (f"- {capital(condition['text'])}." for condition in m.get("conditions", ()))
    yield from (f"- {sentence}" for sentence in m.get("limits", ()))
    if m.get("failure_modes"):
        yield ""
        yield "Known or expected to fail:"
        yield ""
        yield from (f"- {sentence}" for sentence in m["failure_modes"])


def _data(m: Manifest) -> Iterator[str]:
    if not m.get("data"):
        return
    yield "## Data"
    for source in m["data"]:
        yield ""
        digest = f" SHA-256 of the file: {source['sha256']}." if source.get("sha256") else ""
        yield f"{source['source']} {source['citation']} Licence: {source['licence']}.{digest}"


def _reporting(m: Manifest) -> Iterator[str]:
    yield "## Reporting"
    yield ""
    yield "TRIPOD+AI (Collins et al., BMJ 385:e078378, 2024), by its items:"
    yield ""
    yield from table(("item", "what", "here"), tripod(m))
    items = rqs(m)
    if not items:
        return
    yield ""
    total, most = sum(item.points for item in items), sum(item.most for item in items)
    yield (
        f"Radiomics quality score (Lambin et al., Nat Rev Clin Oncol 14:749, 2017), assessed by its makers: "
        f"{total} of {most} points."
    )
    yield ""
    yield from table(("item", "points", "of", "why"), ((i.name, f"{i.points}", f"{i.most}", i.why) for i in items))


def _part(part: Mapping[str, Any]) -> tuple[str, ...]:
    shown = _auc(part) if "auc" in part else ("too few", "")
    return f"{part['n']}", f"{part['events']}", f"{part['stated']:.3f}", *shown


def _auc(value: Mapping[str, Any]) -> tuple[str, str]:
    """An AUC and its interval, or why there is none."""
    if isinstance(value["auc"], str):
        return value["auc"], ""
    return f"{value['auc']:.2f}", interval(value["interval"]) if value.get("interval") else ""
