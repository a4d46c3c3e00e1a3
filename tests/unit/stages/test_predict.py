"""Asking one classifier about one lesion: every outcome is a value that tells what it rests on."""

import json
from dataclasses import replace

import pytest

from node.domain.clinical import Clinical, Value
from node.domain.findings import Axis, Estimate, Fitness, GroundGlass, Measurements, ModelFacts, NotEvaluated
from node.errors import ModelFailed
from node.inference.applicability import Applicability, Known
from node.inference.explain import Spread
from node.inference.inputs import Condition, ModelInput, Needs, encode
from node.inference.knowledge import NOTHING, Knowledge, knowledge
from node.inference.package import load_package, shipped_models
from node.stages.predict import predict, unavailable


def golden_cases(package):
    return json.loads(package.read("golden.json"))["cases"]


FIT = Fitness(outcome="in_domain")
AXIS = Axis(length_mm=15, start=(0, 0, 0), end=(15, 0, 0))
LESION = Measurements(
    volume_ml=2.2, long_axis=AXIS, short_axis=AXIS, diameter_3d_mm=16, key_slice=0,
    ground_glass=GroundGlass(fraction=0.6, reader_class="50-75%"),
)  # fmt: skip
FACTS = ModelFacts(id="test", version="1.0.0", kind="classifier", digest="", manufacturer="", name="", prevalence=0.2)
NEEDS = Needs(
    inputs=(
        ModelInput(name="age", source="clinical:age", range=(0, 130), unit="a"),
        ModelInput(name="ever", source="clinical:smoking", levels={"never": 0, "former": 1, "current": 1}),
        ModelInput(name="now", source="clinical:smoking", levels={"never": 0, "not_current": 0, "current": 1}),
        ModelInput(name="adeno", source="clinical:histology", levels={"adenocarcinoma": 1}, unlisted="refuse"),
        ModelInput(name="glass", source="image:ground_glass", levels={"0%": 0, "50-75%": 0.625}),
        ModelInput(name="size", source="measure:long_axis_mm", unit="mm"),
        ModelInput(name="round", source="feature:original_shape_Sphericity"),
    ),
    conditions=(Condition(text="valid only if this lesion is a primary NSCLC", quantity="histology"),),
)


class Listening:
    """A classifier that keeps what it was given and answers as told."""

    def __init__(self, answer=None):
        self.facts, self.inputs, self.heard = FACTS, ("age",), None
        self.answer = answer or Estimate(probability=0.2, lower=0.1, upper=0.4, contributions={"age": 0.1})

    def __call__(self, inputs):
        self.heard = dict(inputs)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def known(**values):
    return Clinical({name: Value(value, "clinical file, line 4") for name, value in values.items()})


def asked(
    classifier=None, needs=NEEDS, *, fitness=FIT, clinical=None, lesion=LESION, prevalence=None, knowledge=NOTHING
):
    return predict(
        classifier or Listening(),
        needs,
        fitness=fitness,
        clinical=clinical or Clinical(),
        measurements=lesion,
        prevalence=prevalence,
        knowledge=knowledge,
    )


def test_inputs_are_gathered_from_clinic_image_and_features():
    """Each source is encoded as the manifest says, and told with its origin."""
    classifier = Listening()
    lesion = replace(LESION, features={"original_shape_Sphericity": 0.8})
    clinical = known(age=66.0, smoking="former", histology="adenocarcinoma")
    prediction = asked(classifier, clinical=clinical, lesion=lesion)
    assert classifier.heard == {"age": 66, "ever": 1, "adeno": 1, "glass": 0.625, "size": 15, "round": 0.8}
    assert prediction.state == "predicted"
    assert prediction.inputs["age"] == Value(66.0, "clinical file, line 4")
    assert prediction.inputs["ground_glass"] == Value("50-75%", "measured on the image")
    assert prediction.missing_inputs == (
        "now",
    )  # former smokers: this test's manifest leaves open whether they smoke now


def test_not_a_smoker_now_leaves_open_whether_the_patient_ever_smoked():
    """The header's NO fills "smokes now" and leaves "ever smoked" missing."""
    classifier = Listening()
    prediction = asked(classifier, clinical=known(smoking="not_current"))
    assert classifier.heard["now"] == 0
    assert "ever" not in classifier.heard
    assert prediction.missing_inputs == ("age", "ever", "histology", "original_shape_Sphericity")


def test_missing_values_say_why_where_something_was_stated():
    """A contradicting age, and a ground-glass class that could not be measured, are statements of the result."""
    clinical = Clinical({}, {"age": "PatientAge and the dates differ", "sex": "not asked for"})
    glass = GroundGlass(fraction=None, reader_class="", why_missing="less than 0.3 mL is left")
    prediction = asked(clinical=clinical, lesion=replace(LESION, ground_glass=glass))
    assert "age is missing: PatientAge and the dates differ" in prediction.statements
    assert "ground_glass is missing: less than 0.3 mL is left" in prediction.statements
    assert not any("sex" in sentence for sentence in prediction.statements)
    assert "ground_glass" in asked(lesion=replace(LESION, ground_glass=None)).missing_inputs


@pytest.mark.parametrize(
    ("clinical", "told"),
    [
        (known(histology="adenocarcinoma"), "supplied as adenocarcinoma (clinical file, line 4)"),
        (Clinical(), "not supplied"),
    ],
)
def test_a_condition_tells_what_is_known_of_it(clinical, told):
    """The result says what it is valid for, and whether the histology was supplied."""
    sentence = f"valid only if this lesion is a primary NSCLC; histology was {told}"
    assert asked(clinical=clinical).statements[0] == sentence


def test_a_histology_outside_the_training_set_is_refused():
    """The model is not asked; the reason names what it was trained on and does not quote the free text."""
    classifier = Listening()
    prediction = asked(classifier, clinical=known(histology="small cell carcinoma of Mr X"))
    assert (prediction.state, prediction.reason_code) == ("not_evaluated", "histology_outside")
    assert "adenocarcinoma" in prediction.reason
    assert "Mr X" not in prediction.reason
    assert classifier.heard is None
    assert prediction.estimate is None


def test_a_number_outside_an_inputs_range_is_refused():
    """An input's own range is enforced like the declared ones."""
    prediction = asked(clinical=known(age=131.0))
    assert (prediction.state, prediction.reason_code) == ("not_evaluated", "outside_domain")
    assert "age is 131 a, outside 0 to 130 a" in prediction.reason


def test_a_required_input_must_be_there():
    """Without a required input the model is not asked."""
    needs = Needs(inputs=(replace(NEEDS.inputs[0], required=True),))
    prediction = asked(needs=needs)
    assert (prediction.state, prediction.reason_code) == ("not_evaluated", "input_missing")
    assert "age" in prediction.reason
    assert asked(needs=needs, clinical=known(age=60.0)).state == "predicted"


def test_outside_its_domain_a_model_is_not_asked():
    """The judge's reasons and code become the prediction's."""
    classifier = Listening()
    fitness = Fitness(outcome="outside", reasons=("age is 3", "MR"), code="wrong_anatomy")
    prediction = asked(classifier, fitness=fitness)
    assert (prediction.state, prediction.reason_code, prediction.reason) == (
        "not_evaluated",
        "wrong_anatomy",
        "age is 3; MR",
    )
    assert classifier.heard is None


def test_borderline_predicts_and_is_flagged():
    """A borderline case has its number and its reason."""
    fitness = Fitness(outcome="borderline", reasons=("age is 30",), code="borderline_domain")
    prediction = asked(fitness=fitness)
    assert (prediction.state, prediction.reason_code, prediction.reason) == (
        "borderline",
        "borderline_domain",
        "age is 30",
    )
    assert prediction.estimate is not None


def test_a_site_prevalence_rebases_all_three_numbers():
    """With the site's prevalence an average patient gets it, and the result says so; without, nothing moves."""
    rebased = asked(prevalence=0.4)
    assert rebased.rebased_to == 0.4
    assert rebased.estimate.probability == pytest.approx(0.4)
    assert rebased.estimate.lower < 0.4 < rebased.estimate.upper
    plain = asked()
    assert plain.rebased_to is None
    assert plain.estimate.probability == 0.2


def test_a_failing_model_is_a_value_beside_its_siblings():
    """ModelFailed does not get out."""
    error = ModelFailed("answered nan", at="test 1.0.0", do="disable the model")
    prediction = asked(Listening(error))
    assert (prediction.state, prediction.reason_code) == ("not_evaluated", "model_failed")
    assert "answered nan" in prediction.reason


def test_a_model_may_refuse_by_design():
    """The model's own code and text are kept."""
    prediction = asked(Listening(NotEvaluated(code="refusal_by_design", text="no signal")), needs=Needs())
    assert (prediction.state, prediction.reason_code, prediction.reason) == (
        "not_evaluated",
        "refusal_by_design",
        "no signal",
    )


def test_a_model_that_could_not_be_opened_is_a_value_too():
    """An altered package ends as "model_unavailable" with its clear error."""
    error = ModelFailed("model.onnx differs", at="test 1.0.0", do="restore the package")
    prediction = unavailable(FACTS, error)
    assert (prediction.state, prediction.reason_code) == ("not_evaluated", "model_unavailable")
    assert "restore the package" in prediction.reason


@pytest.fixture(scope="module")
def egfr():
    package = load_package(shipped_models() / "lung-egfr")
    return package, package.open()


def estimate(egfr, lesion=LESION, **values):
    package, classifier = egfr
    return asked(classifier, package.manifest.needs, clinical=known(**values), lesion=lesion)


def test_a_woman_who_never_smoked_is_likelier_than_a_smoking_man(egfr):
    """lung-egfr points the way that every published series does."""
    woman = estimate(egfr, age=65.0, sex="female", smoking="never").estimate
    man = estimate(egfr, age=65.0, sex="male", smoking="current", pack_years=40.0).estimate
    assert woman.probability > 2 * man.probability
    assert woman.lower < woman.probability < woman.upper


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"pack_years": 60.0}, {"pack_years": 5.0}),
        ({"smoking": "current"}, {"smoking": "not_current"}),
        ({"smoking": "former"}, {"smoking": "never"}),
        ({"sex": "male"}, {"sex": "female"}),
        ({"histology": "squamous cell carcinoma"}, {"histology": "adenocarcinoma"}),
    ],
)
def test_lung_egfr_moves_with_each_input_as_published(egfr, less, more):
    """Fewer pack-years, no smoking, female sex and adenocarcinoma each raise the probability."""
    assert estimate(egfr, **less).estimate.probability < estimate(egfr, **more).estimate.probability


def test_lung_egfr_answers_with_nothing_known_and_says_so(egfr):
    """Without a single value the answer is near the training prevalence, and everything is listed as missing."""
    prediction = estimate(egfr, lesion=replace(LESION, ground_glass=None))
    assert prediction.estimate.probability == pytest.approx(0.19685, abs=0.06)
    assert prediction.missing_inputs == ("age", "sex", "smoking", "pack_years", "histology", "ground_glass")
    assert all(value == 0 for value in prediction.estimate.contributions.values())
    assert prediction.statements == ("valid only if this lesion is a primary NSCLC; histology was not supplied",)


def test_the_inputs_of_one_quantity_are_one_contribution(egfr):
    """A reader knows smoking and histology, not the model's columns: what a quantity adds is what its columns add."""
    package, classifier = egfr
    told = {"age": 70.0, "sex": "male", "smoking": "former", "histology": "adenocarcinoma"}
    columns = classifier(encode(package.manifest.inputs, {f"clinical:{k}": v for k, v in told.items()}).numbers)
    moved = estimate(egfr, replace(LESION, ground_glass=None), **told).estimate.contributions

    assert set(moved) == {"age", "sex", "smoking", "pack_years", "histology", "ground_glass"}
    smoking = columns.contributions["ever_smoker"] + columns.contributions["current_smoker"]
    assert moved["smoking"] == pytest.approx(smoking)
    assert sum(moved.values()) == pytest.approx(sum(columns.contributions.values()))


def test_lung_egfr_refuses_another_histology(egfr):
    """Small cell carcinoma was not in the training set."""
    assert estimate(egfr, histology="small cell carcinoma").reason_code == "histology_outside"


def test_lung_egfr_knows_that_never_smokers_have_no_pack_years(egfr):
    """Zero pack-years follow from never smoking, and their origin is told."""
    prediction = estimate(egfr, smoking="never")
    assert "follows from never smoking" in prediction.inputs["pack_years"].source
    assert "pack_years" not in prediction.missing_inputs


AGES = Applicability(
    method="", covariance=((1.0,),), borderline=1.5, outside=2.5,
    inputs=(Known(name="age", label="age", log=False, mean=60.0, scale=10.0, usual=(40.0, 80.0)),),
)  # fmt: skip


@pytest.mark.parametrize(("age", "state", "code"), [
    (60.0, "predicted", ""), (80.0, "borderline", "borderline_domain"), (110.0, "not_evaluated", "outside_domain"),
])  # fmt: skip
def test_distance_to_the_training_flags_and_refuses(age, state, code):
    """Near predicts, far is flagged, farther is refused: with the value and what the training had."""
    prediction = asked(clinical=known(age=age), knowledge=Knowledge(applicability=AGES))
    assert (prediction.state, prediction.reason_code) == (state, code)
    if code:
        assert "unlike the training patients (98% of them: 40 to 80)" in prediction.reason


def test_every_known_quantity_is_explained():
    """Its place among the training patients and what it added to the log-odds."""
    spreads = {"clinical:age": Spread(kind="number", quantiles=tuple(float(n) for n in range(101)))}
    prediction = asked(clinical=known(age=91.0), knowledge=Knowledge(spreads=spreads))
    first = prediction.explanations[0]
    assert (first.name, first.percentile, first.log_odds) == ("age", 91.0, 0.1)


def test_a_model_of_findings_answers_only_where_one_was_supplied():
    """The shipped ALK model: nothing known is no answer, one finding is, and the interval stays wide."""
    package = load_package(shipped_models() / "lung-alk")
    ask, needs = package.open(), package.manifest.needs
    nothing = asked(ask, needs)
    assert (nothing.state, nothing.reason_code) == ("not_evaluated", "input_missing")
    assert "answers only from findings that were supplied" in nothing.reason
    one = asked(ask, needs, clinical=known(nodal_stage="n2"))
    assert one.state == "predicted"
    assert one.estimate.lower < 0.045 < one.estimate.probability < 0.3 < one.estimate.upper
    assert not one.model.calibrated


def test_shipped_models_know_their_population_and_refuse_what_is_not_of_it():
    """The glioma model: the median patient is answered, a shape that no tumour has is refused, no age is no answer."""
    package = load_package(shipped_models() / "glioma-idh")
    ask, held = package.open(), knowledge(package)
    case = next(c for c in golden_cases(package) if c["name"] == "medians of the mutated patients")["inputs"]
    features = {i.quantity: case[i.name] for i in package.manifest.inputs if i.source.startswith("feature:")}

    def idh(age=None, **changed):
        changed = {f"original_{name}": value for name, value in changed.items()}
        clinical = known(age=age) if age else Clinical()
        lesion = replace(LESION, features={**features, **changed})
        return asked(ask, package.manifest.needs, clinical=clinical, lesion=lesion, knowledge=held)

    answered = idh(37.0)
    assert answered.state == "predicted"
    assert answered.estimate.probability > 0.5
    assert len(answered.explanations) == 17
    assert idh().reason_code == "input_missing"
    ball = idh(37.0, shape_Sphericity=1.0, shape_SurfaceVolumeRatio=0.05)
    assert (ball.state, ball.reason_code) == ("not_evaluated", "outside_domain")
    assert "Sphericity is 1, unlike the training patients" in ball.reason
    noise = idh(37.0, firstorder_Skewness=0.0, firstorder_Kurtosis=900.0)
    assert noise.reason_code == "outside_domain"
