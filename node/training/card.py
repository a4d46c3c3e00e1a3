"""A model's card: its manifest told to a person. It holds no number that the manifest does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def write_card(manifest: Mapping[str, Any], notes: Sequence[str]) -> str:
    """
    The card as Markdown.

    Args:
        manifest: `model.toml`, without [files].
        notes: Sentences that the manifest has no key for.
    """
    parts = [_head(manifest), _inputs(manifest), _training(manifest), _performance(manifest), _limits(manifest, notes)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(m: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {m['name']} ({m['id']} {m['version']})"
    yield ""
    yield f"Made by {m['manufacturer']}. Written by `train.py`; do not edit."
    yield ""
    yield f"**Answers:** the probability of {m['target']} ({m['gene']}, {m['hgnc_id']})."
    yield ""
    yield f"**Intended use:** {m['intended_use']}"
    if m.get("exploratory"):
        yield ""
        yield f"**{_capital(m['exploratory'])}**"


def _inputs(m: Mapping[str, Any]) -> Iterator[str]:
    yield "## Inputs"
    yield ""
    yield "| input | from | meaning | weight |"
    yield "|---|---|---|---|"
    for item in m["inputs"]:
        weight = m["performance"]["weights"][item["name"]]
        yield f"| {item['name']} | {item['source']} | {item['meaning']} | {weight:+.3f} |"
    yield ""
    yield (
        "Weights are log-odds per standard deviation of the training patients. A missing input counts as their mean "
        "and is reported; the model was trained to do without some of them. A value beyond the training range counts "
        "as its end."
    )


def _training(m: Mapping[str, Any]) -> Iterator[str]:
    training = m["training"]
    yield "## Training"
    yield ""
    yield f"{training['sentence']} Prevalence {_percent(training['prevalence'])}, which the answers are calibrated to."
    yield ""
    yield (
        f"Logistic regression with an elastic-net penalty (strength {m['performance']['penalty_strength']:g}, share of "
        f"L1 {m['performance']['penalty_l1_share']:g}). Recalibration: {m['calibration']['method']}; in this model it "
        f"multiplies the log-odds by {m['calibration']['shrinkage']:g}. Interval ({_percent(m['interval']['level'])}): "
        f"{m['interval']['method']}."
    )
    for source in m["data"]:
        yield ""
        yield f"Data: {source['source']} {source['citation']} Licence: {source['licence']}."


def _performance(m: Mapping[str, Any]) -> Iterator[str]:
    found, calibration, point = m["performance"], m["calibration"], m["operating_point"]
    yield "## Performance"
    yield ""
    yield f"{_capital(found['method'])}."
    yield ""
    yield "| | value | 95 % interval |"
    yield "|---|---|---|"
    yield f"| AUC | {found['auc']:.2f} | {_interval(found['auc_interval'])} |"
    for name, across in found["auc_across"].items():
        yield f"| AUC, {name} | {across['auc']:.2f} | {_interval(across['interval'])} |"
    for name, within in found["auc_within"].items():
        yield f"| AUC among patients of {name} | {within:.2f} | |"
    for name, withheld in found["auc_withheld"].items():
        yield f"| AUC {name} | {withheld['auc']:.2f} | {_interval(withheld['interval'])} |"
    yield f"| Brier score (of the bare prevalence: {found['brier_of_prevalence']:.3f}) | {found['brier']:.3f} | |"
    yield f"| calibration slope (ideal 1) | {calibration['slope']:.2f} | |"
    yield f"| calibration intercept (ideal 0) | {calibration['intercept']:.2f} | |"
    yield f"| expected calibration error | {calibration['ece']:.3f} | |"
    for name in ("sensitivity", "specificity"):
        label = f"{name} at a probability of {point['threshold']:.3f} (the training prevalence)"
        yield f"| {label} | {point[name]:.2f} | {_interval(point[f'{name}_interval'])} |"


def _limits(m: Mapping[str, Any], notes: Sequence[str]) -> Iterator[str]:
    yield "## Limits"
    yield ""
    for condition in m.get("conditions", ()):
        yield f"- {_capital(condition['text'])}."
    for sentence in (*m["limits"], *notes):
        yield f"- {sentence}"
    yield ""
    yield "Asked about only within:"
    yield ""
    for key, value in m["declared"].items():
        yield f"- {key}: {value if isinstance(value, str) else ', '.join(map(str, value))}"


def _interval(bounds: Sequence[float]) -> str:
    return f"{bounds[0]:.2f} to {bounds[1]:.2f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
