"""What a reader sees, in the reader's language."""

from __future__ import annotations

import ast
import json
import pickle
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

from node.domain import evidence, page, words
from node.domain.cards import heard
from node.domain.clinical import Clinical, Value
from node.domain.findings import Findings, Fitness, Measurements, Prediction
from node.domain.language import (
    TAGS,
    UNTRANSLATED,
    Said,
    catalogue,
    figure,
    joined,
    named,
    recalled,
    remembered,
    render,
    say,
    sentence,
)
from node.domain.order import Order, Predecessor
from node.domain.plain import canonical, from_plain, to_plain
from node.domain.refusals import REFUSALS
from node.domain.report import report
from node.errors import ModelFailed
from node.inference.package import load_package, shipped_models
from node.stages.judge import judge
from node.stages.predict import predict, unavailable
from node.work.worker import REPAIR
from tests.support import sentences
from tests.support.findings import DRAWN, FOUND, KRAS, PREDICTED, WITHHELD, make_case, make_lesion
from tests.support.results import order_of

OTHERS = ("de", "es")
SHIPPED = sorted(path.parent.name for path in shipped_models().glob("*/model.toml"))

ENGLISH = re.compile(
    r"\b(the|of|and|or|is|are|were|not|with|by|from|that|which|this|it|its|for|on|than|there|has|have|been|"
    r"missing|lesion|lesions|slice|slices|evaluated|predicted|measured|trained|valid|outside|used|known)\b"
)
"""Words that no German and no Spanish sentence of ours holds ("no", "in", "a", "an" and "was" are at home there)."""


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_the_sources_is_translated(language):
    """Each literal that is said has its translation, with the same fields in the same form, and none is left over."""
    known, wanted = catalogue(language), sentences.templates()
    percents = {template for template in known if not any(map(str.isalpha, sentences.words_of(template)))}
    cards = set(sentences.card_templates())

    assert {wanted[template] + ": " + template for template in wanted.keys() - known.keys()} == set()
    assert cards - known.keys() == set()
    assert known.keys() - wanted.keys() - cards - percents == set()
    for template, translation in known.items():
        assert sentences.fields_of(translation) == sentences.fields_of(template), template


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("name", SHIPPED)
def test_every_name_of_a_shipped_model_is_translated(name, language):
    """What it predicts and what it is called, as the outputs say them: `named` leaves a gap in English, unmarked."""
    facts = load_package(shipped_models() / name).facts
    for said in (words.target(facts), page.about(facts)[0], evidence.model_name(facts)):
        assert list(sentences.untranslated(said, language)) == []


def test_what_is_said_is_a_literal():
    """A template that is put together while the program runs could not be looked for, nor translated."""
    loose = [place for place, call in sentences.calls_of_say() if sentences.literal(call) is None]
    assert [place.partition(":")[0] for place in loose] == ["domain/language.py"]  # what was remembered


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_what_must_not_be_lost(language):
    """Research, no substitute, prediction by a machine: first and in every language."""
    leads = {"de": "KI-Vorhersage", "es": "Predicción por IA"}

    for prediction in (PREDICTED, WITHHELD):
        assert render(evidence.headline(prediction), language).startswith(leads[language])
        assert render(evidence.evidence(prediction)[-1], language) == render(words.NO_SUBSTITUTE, language)
    for template, translation in catalogue(language).items():
        assert ("AI-predicted" in template) == (leads[language] in translation), template
        if re.match(r"RESEARCH|NOT|EXPLORATORY|BORDERLINE", template):
            assert re.match(r"[^\W\d_]{2,}", translation)[0].isupper(), template


def test_the_sentence_that_no_one_may_miss():
    """In the words that the readers of these languages know."""
    assert render(words.NO_SUBSTITUTE, "de") == "Ersetzt keine molekulare Testung."
    assert render(words.NO_SUBSTITUTE, "es") == "No sustituye a las pruebas moleculares."
    assert "schließt eine Läsion nicht aus" in render(REFUSALS["no lesion"], "de")
    assert "no excluye una lesión" in render(REFUSALS["no lesion"], "es")


def test_numbers_follow_the_language():
    """Decimal mark, and the space before the per cent sign; Infinity and NaN are words."""
    said = say("The software's score for its own outline: {score:.2f} of 1 (no probability).", score=0.82)

    assert render(said, "de") == "Punktwert der Software für ihre eigene Kontur: 0,82 von 1 (keine Wahrscheinlichkeit)."
    assert render(words.number(1234.56, "mm"), "es") == "1234,6 mm"
    assert render(words.percent(0.413), "de") == "41\xa0%"
    assert [render(words.percent(p), "es") for p in (0.001, 0.999)] == ["<1\xa0%", ">99\xa0%"]
    assert render(words.number(float("nan"), "mm"), "de") == "nicht messbar"
    assert "Klasse 25-50\xa0%" in render(words.measured(make_lesion(DRAWN, 1))[1], "de")
    assert " 0\xa0% " in report(make_case().findings, language="de")
    assert "%" not in report(make_case().findings, language="de").replace("\xa0%", "").replace("-%-", "")
    assert render(figure(np.float32(2.5), 1), "de") == "2,5"
    assert render(say("{count} images of another frame of reference were left out.", count=1200), "de").startswith(
        "1200 Bil"
    )


def test_a_headline_in_three_languages():
    """The same numbers, the same order."""
    said = evidence.headline(replace(PREDICTED, missing_inputs=()))

    assert said == "AI-predicted probability of EGFR mutation: 41% (95% interval 22% to 63%)."
    assert render(said, "en") == said
    assert render(said, "de") == (
        "KI-Vorhersage, Wahrscheinlichkeit für EGFR-Mutation: 41\xa0% (95-%-Intervall 22\xa0% bis 63\xa0%)."
    )
    assert render(said, "es") == (
        "Predicción por IA, probabilidad de mutación de EGFR: 41\xa0% (intervalo del 95\xa0%: de 22\xa0% a 63\xa0%)."
    )


def test_what_has_no_translation_is_marked():
    """A sentence of a site's own model stays English and says so; names are names."""
    limit = sentence(heard("only for scanners of one make"))

    assert render(limit, "de") == f"{UNTRANSLATED}only for scanners of one make."
    assert render("Unheard of.", "es") == f"{UNTRANSLATED}Unheard of."
    assert render(named("Lesion of the spleen"), "de") == "Lesion of the spleen"
    assert render(say('{source}, labelled "{label}"', source=say("found automatically"), label="mark"), "de") == (
        "automatisch gefunden, bezeichnet als „mark“"
    )


def test_forms_hold_in_every_language():
    """A full stop where there is none; a capital where a plain word begins, not where a name does."""
    assert sentence("not installed") == "Not installed."
    assert sentence("pH is low!") == "pH is low!"
    assert render(sentence(say("see below")), "de") == "Siehe unten."
    assert render(say("{source:capital}", source=say("found automatically")), "es") == "Encontrada automáticamente"


def test_texts_side_by_side_are_rendered_one_by_one():
    """Empty ones are left out, and braces in a name are no fields."""
    said = joined([say("first slice"), "", say("last slice"), "{odd}"], ", ")

    assert said == "first slice, last slice, {odd}"
    assert render(said, "de") == "erste Schicht, letzte Schicht, {odd}"
    assert joined([]) == ""
    assert say("{name} is missing: {why}", name="{odd}", why="x") == "{odd} is missing: x"


@dataclass(frozen=True)
class Letter:
    """Something that goes through JSON."""

    text: str
    values: tuple[str, ...] = ()


def test_a_sentence_survives_json_and_other_processes():
    """As the order carries it to the worker; its identity is that of its English text."""
    age = say("{name} is missing: {why}", name=say("age"), why=say("StudyDate minus PatientBirthDate is no age"))
    letter = Letter(age, (named("Lung EGFR"), "plain", say("number {n:.1f}", n=2.5)))
    back = from_plain(Letter, json.loads(json.dumps(to_plain(letter, sentences=True))))

    assert back == letter
    assert canonical(back) == canonical(Letter(str(age), tuple(map(str, letter.values))))
    assert render(back.text, "de") == "Alter fehlt: StudyDate minus PatientBirthDate ergibt kein Alter"
    assert back.values[0].name
    assert to_plain(letter)["text"] == "age is missing: StudyDate minus PatientBirthDate is no age"
    assert render(pickle.loads(pickle.dumps(age)), "es") == render(age, "es")  # noqa: S301 - our own
    assert recalled(remembered("plain")) == "plain"
    with pytest.raises(ValueError, match="no sentence"):
        recalled({"something": "else"})


def test_a_model_that_was_trained_anew_says_its_new_numbers():
    """Generated sentences are known by their pattern, whatever the numbers."""
    said = heard(
        "Trained on 300 patients (250 adenocarcinoma, 50 squamous cell carcinoma; 200 of Basel and 100 of Bern), "
        "61 of them with KRAS mutation."
    )
    auc = heard("Held-out AUC with all inputs 0.81; without histology 0.73; without the moon 0.70 (0.50 is chance).")

    assert render(said, "de") == (
        "Trainiert an 300 Patienten (250 Adenokarzinom, 50 Plattenepithelkarzinom; 200 von Basel und 100 von Bern), "
        "davon 61 mit KRAS-Mutation."
    )
    assert "sin histología 0,73; [en] without the moon 0,70 (0,50 equivale" in render(auc, "es")


@pytest.mark.parametrize("language", OTHERS)
def test_a_whole_case_leaves_no_english(language):
    """Every refusal, drawn and found lesions, answers, gaps, a borderline and an unusable model: no English word."""
    pages = [report(findings, language=language) for findings in (_full(), *_refused())]

    for text in pages:
        said = re.sub(rf"\(({'|'.join(REFUSALS)})\)", "", " ".join(text.split()))  # codes are the same in all languages
        said = re.sub(r"RT Structure Set|Frame of Reference|Image Type|lung-lesion|lung-egfr", "", said)
        assert not ENGLISH.findall(said), said
        assert UNTRANSLATED not in said


def test_no_page_is_wider_for_its_language():
    """German words are long; the page is not."""
    for language in TAGS:
        assert max(map(len, report(_full(), language=language).splitlines())) <= 90


def _full() -> Findings:
    """A case with all that the shipped models say, as the stages say it."""
    first = make_lesion(replace(DRAWN, notes=(say("It was drawn on other images of the same frame of reference."),)), 1)
    panel = tuple(_predictions(first.measurements))
    first = replace(first, predictions=panel, measurements=_edgy(first.measurements))
    second = replace(make_lesion(replace(FOUND, model="lung-lesion"), 2), predictions=panel[:2])
    return Findings(
        state="succeeded",
        lesions=(first, second),
        rule=say("All lesions ({count} lesions) from the first usable source ({source}), largest first.", count=2,
                 source=say("RT Structure Set")),
        skipped=(joined([say("ROI {number}", number=3), say("it was never drawn")], ": "),),
        notes=(say("{count} padding voxels outside the field of view were set to {value}.", count=9, value="0"),),
        change=say("{parts:capital}.", parts=say("it was run again on request")),
    )  # fmt: skip


def _refused() -> list[Findings]:
    why = say("{missing} slices are missing at a spacing of {mm:.2f} mm", missing=2, mm=1.25)
    return [Findings(state="refused", reason_code=code, reason=why) for code in REFUSALS]


def _edgy(m: Measurements) -> Measurements:
    return replace(m, touches_edge=True, key_image=say("image {number}", number=117))


def _predictions(measurements: Measurements) -> list[Prediction]:
    """The shipped model on patients at its border, unknown, outside twice, and within; and one that is not there."""
    package = load_package(shipped_models() / "lung-egfr")
    model, needs = package.open(), package.manifest.needs
    known = {
        "age": Value(90.0, "PatientAge (0010,1010)"),
        "sex": Value("female", "PatientSex (0010,0040)"),
        "smoking": Value("never", say("clinical file, line {line}", line=4)),
        "histology": Value("adenocarcinoma", say("clinical file, line {line}", line=4)),
    }
    patients = [
        Clinical(known),
        Clinical({}, {"age": say("StudyDate minus PatientBirthDate is no age")}),
        Clinical({**known, "age": Value(9.0, "PatientAge (0010,1010)")}),
        Clinical({**known, "histology": Value("small cell", say("clinical file, line {line}", line=4))}),
        Clinical({**known, "age": Value(66.0, "PatientAge (0010,1010)")}),
    ]
    volume = replace(make_case().volume, kernel="B30f")
    answers = [
        predict(
            model,
            needs,
            fitness=judge(package.manifest.declared, volume, measurements, clinical, in_lung=True),
            clinical=clinical,
            measurements=measurements,
            prevalence=0.14,
        )
        for clinical in patients
    ]
    assert [each.state for each in answers] == [
        "borderline", "borderline", "not_evaluated", "not_evaluated", "predicted",
    ]  # fmt: skip
    lost = ModelFailed(say("the package is not installed"), at="lung-x", do=REPAIR)
    weak = replace(answers[1], fitness=Fitness(outcome="borderline", reasons=()))
    return [*answers, weak, unavailable(KRAS, lost)]


def test_a_said_is_an_english_text():
    """Whoever knows nothing of languages sees a text."""
    said = say("The images carry no Patient ID.")

    assert isinstance(said, Said)
    assert said == "The images carry no Patient ID."
    assert {said: 1}["The images carry no Patient ID."] == 1
    assert json.dumps([said]) == '["The images carry no Patient ID."]'


TOLD = {
    "Refused": (1, "found"),
    "Problem": (1, "found"),
    "Standing": (1, "why"),
    "NotEvaluated": (1, "text"),
    "PassedOver": (2, "why"),
    "GroundGlass": (2, "why_missing"),
}
"""What carries a sentence to the reader: class to the place and the name of the argument."""


def test_what_reaches_a_reader_is_said():
    """A bare text in a refusal, or in a reason to pass something over, would stay English: each is made with `say`."""
    bare = []
    for path in sorted(sentences.ROOT.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""
            if name in TOLD:
                place, keyword = TOLD[name]
                told = [*call.args[place : place + 1], *(k.value for k in call.keywords if k.arg == keyword)]
                bare += [
                    f"{path.name}:{call.lineno}" for each in told if isinstance(each, (ast.JoinedStr, ast.Constant))
                ]
    assert bare == []


def test_an_order_carries_its_sentences():
    """Refusal and change reach the worker as sentences; the job is the one that its English text would have made."""
    order = order_of("de")
    change = say("{count} more images arrived for {role}", count=4, role="ct")
    found = say("{count} instances were received with different pixels under one UID", count=2)
    order = replace(
        order,
        refusal=("conflicting instances", found),
        predecessor=Predecessor(job_id="x", objects=(), change=change),
        clinical=Clinical({"age": Value(61.0, say("clinical file, line {line}", line=4))}),
    )
    plain = replace(
        order,
        refusal=("conflicting instances", str(found)),
        predecessor=replace(order.predecessor, change=str(change)),
    )
    back = Order.from_json(order.to_json())

    assert back == order
    assert back.job_id == order.job_id == plain.job_id
    assert render(back.refusal[1], "de").startswith("2 Instanzen wurden unter derselben UID")
    assert render(back.predecessor.change, "es") == "llegaron 4 imágenes más para «ct»"
    assert render(back.clinical.values["age"].source, "de") == "klinische Datei, Zeile 4"
    assert Order.from_json(plain.to_json()) == plain  # as an older version wrote it
    assert back.pipeline.language == "de"
