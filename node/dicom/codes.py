"""Coded concepts of the result objects: from the Standard where it has one, else from our own scheme."""

from __future__ import annotations

import math

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from node.domain.facts import ModelFacts
from node.domain.findings import Prediction
from node.domain.flat import target_key
from node.domain.geometry import Side
from node.domain.refusals import REFUSALS
from node.domain.words import Verdict, concept_name

SCHEME = "99RADNODE"
"""Designator of our own codes; declared in Coding Scheme Identification Sequence (0008,0110)."""

SCHEMES = {
    SCHEME: ("Concepts of the radnode inference node", "radnode project"),
    "HGNC": ("HUGO Gene Nomenclature Committee", "HUGO Gene Nomenclature Committee"),
}
"""Schemes that PS3.16 chapter 8 does not list: designator to (name, responsible organization)."""

NEOPLASM = Code("108369006", "SCT", "Neoplasm")
LESION = Code("52988006", "SCT", "Lesion")
MORPHOLOGICALLY_ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")

VOLUME = Code("118565006", "SCT", "Volume")
LONG_AXIS = Code("103339001", "SCT", "Long axis")
SHORT_AXIS = Code("103340004", "SCT", "Short axis")
DIAMETER_3D = Code("L0JK", "IBSI", "Maximum 3D Diameter of a Mesh")
GROUND_GLASS = Code("RG-GROUNDGLASS", SCHEME, "Ground-glass share of lesion without rim, vessels and air")

CUBIC_CENTIMETRE = Code("cm3", "UCUM", "cubic centimeter")
MILLIMETRE = Code("mm", "UCUM", "millimeter")
PERCENT = Code("%", "UCUM", "percent")

PREDICTED_GENE = Code("RG-GENE", SCHEME, "AI-predicted target, gene")
"""LOINC's "Gene studied [ID]" is a laboratory's code: it must not name what no laboratory studied."""

COMMENT = Code("121106", "DCM", "Comment")
LUNG = Code("39607008", "SCT", "Lung")
SOURCE_OF_MEASUREMENT = Code("121112", "DCM", "Source of Measurement")
SOURCE_IMAGE = Code("121233", "DCM", "Source image for segmentation")
QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
REGION_GROWING = Code("123101", "DCM", "Neighborhood Analysis")

OUTCOME = Code("RG-OUTCOME", SCHEME, "Outcome of evaluation")
TEXT_REPORT = Code("RG-TEXTREPORT", SCHEME, "Findings of software as text, for research use only")
NOT_EVALUATED = Code("RG-NOTEVALUATED", SCHEME, "Not evaluated")
REASON = Code("RG-REASON", SCHEME, "Reason why not evaluated")

REFUSAL_NUMBERS = {code: f"RG-R{number:02d}" for number, code in enumerate(REFUSALS, 1)}
"""Refusal code to code value: the order in `refusals.REFUSALS` is fixed, new ones are added at its end."""

_SIDES: dict[Side, Code] = {"left": Code("7771000", "SCT", "Left"), "right": Code("24028007", "SCT", "Right")}

_LUNGS: dict[Side, Code] = {
    "left": Code("44029006", "SCT", "Left lung structure"),
    "right": Code("3341006", "SCT", "Right lung structure"),
}

_PROCEDURES = {
    "CT": Code("25045-6", "LN", "CT unspecified body region"),
    "MR": Code("25056-3", "LN", "MRI unspecified body region"),
    "PT": Code("44136-0", "LN", "PET unspecified body region"),
}

_VERDICTS = {
    Verdict.ABOVE: Code("RG-ABOVE", SCHEME, "Above threshold (imaging prediction, not a laboratory test)"),
    Verdict.BELOW: Code("RG-BELOW", SCHEME, "Below threshold (imaging prediction, not a laboratory test)"),
    Verdict.INDETERMINATE: Code("RG-INDETERMINATE", SCHEME, "Indeterminate (interval includes the threshold)"),
    Verdict.NOT_EVALUATED: NOT_EVALUATED,
}

_QUALIFIERS = {
    "outside_domain": codes.DCM.ValueOutOfRange,
    "wrong_anatomy": codes.DCM.ValueOutOfRange,
    "histology_outside": codes.DCM.ValueOutOfRange,
    "input_missing": codes.DCM.ValueUnknown,
    "model_failed": codes.DCM.CalculationFailure,
}


def procedure(modality: str) -> Code:
    """Procedure reported, from CID 100 (another code there is PixelMed's one hard error)."""
    return _PROCEDURES.get(modality, Code("363679005", "SCT", "Imaging procedure"))


def laterality(site: Code, lung: Side) -> Code | None:
    """
    Which of the two (CID 244) a finding site is, as far as the image shows it.

    Only the lung as a whole takes the side of the lung that was found: a site that the configuration names more closely
    ("Left upper lobe") is the operator's word.
    """
    return _SIDES.get(lung) if _is_lung(site) else None


def body_site(site: Code, lung: Side) -> Code:
    """A finding site that says its side itself, for systems that have no laterality beside it; see `laterality`."""
    return _LUNGS.get(lung, site) if _is_lung(site) else site


def refusal(code: str) -> Code:
    """A refusal of the whole case as a coded value."""
    return Code(REFUSAL_NUMBERS[code], SCHEME, code)


def probability(facts: ModelFacts) -> Code:
    """Concept name of the predicted probability: AI-predicted, and never a laboratory code."""
    return Code(f"RG-PROB-{target_key(facts)}", SCHEME, concept_name(facts))


def lower(facts: ModelFacts) -> Code:
    """Concept name of the lower end of the interval."""
    return Code(f"RG-LOW-{target_key(facts)}", SCHEME, concept_name(facts, ", lower limit"))


def upper(facts: ModelFacts) -> Code:
    """Concept name of the upper end of the interval."""
    return Code(f"RG-UPP-{target_key(facts)}", SCHEME, concept_name(facts, ", upper limit"))


def status(facts: ModelFacts) -> Code:
    """Concept name of the qualitative answer."""
    return Code(f"RG-STAT-{target_key(facts)}", SCHEME, f"AI-predicted status of {facts.target}"[:64])


def verdict(value: Verdict) -> Code:
    """The qualitative answer."""
    return _VERDICTS[value]


def gene(facts: ModelFacts) -> Code | None:
    """The gene that a model is about, None where its target is no single gene (1p/19q; IDH1 or IDH2)."""
    return Code(facts.hgnc_id, "HGNC", facts.gene) if facts.hgnc_id else None


def why_absent(prediction: Prediction) -> Code:
    """Numeric Value Qualifier (CID 42) of a probability that was not given."""
    return _QUALIFIERS.get(prediction.reason_code, codes.DCM.MeasurementNotAttempted)


def why_no_number(value: float) -> Code:
    """Numeric Value Qualifier (CID 42) of a value that is no finite number."""
    if math.isnan(value):
        return codes.DCM.NotANumber
    return codes.DCM.PositiveInfinity if value > 0 else codes.DCM.NegativeInfinity


def _is_lung(site: Code) -> bool:
    return (site.value, site.scheme_designator) == (LUNG.value, LUNG.scheme_designator)
