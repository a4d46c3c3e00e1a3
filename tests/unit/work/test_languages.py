"""Every result object: names in all scripts, sentences in all languages, codes in one."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_charset_files
from pydicom.dataset import Dataset

from node.domain import evidence, words
from node.domain.document import ALWAYS
from node.domain.findings import Findings
from node.domain.language import TAGS, catalogue, render, say
from node.domain.refusals import REFUSALS
from tests.support import pages as page
from tests.support.findings import DRAWN, FOUND, SEGMENTER, make_case, reread
from tests.support.peers import program as peer
from tests.support.reports import named, texts, walk
from tests.support.results import every_object, refused_objects

CHARSETS = {
    "chrH31.dcm": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "chrKoreanMulti.dcm": "김희중",
    "chrArab.dcm": "قباني^لنزار",
    "chrGreek.dcm": "Διονυσιος",
    "chrRuss.dcm": "Люкceмбypг",
    "chrX2.dcm": "Wang^XiaoDong=王^小东=",
}
"""Files of pydicom (ISO 2022 IR 87, ISO 2022 IR 149, ISO_IR 127, 126, 144, GB18030) to the name that is in them."""

LABORATORY = frozenset({"48018-6", "100019-9", "100022-3", "100023-1", "100026-4", "21665-5", "69548-6", "82115-7",
                        "LA9633-4", "LA9634-2"})  # fmt: skip
"""LOINC codes of molecular tests on blood or tissue, and their answers (design: results.md, section 4)."""

ENGLISH = re.compile(r"\b(the|and|is|are|with|by|from|that|which|this|it|has|have|missing|lesion|slices?|evaluated)\b")


def in_the_words_of_the_stages():
    """A case with two lesions whose notes the stages made."""
    case = make_case(DRAWN, FOUND)
    lesions = tuple(
        replace(lesion, predictions=tuple(map(_said, lesion.predictions))) for lesion in case.findings.lesions
    )
    rule = say("All lesions ({count} lesions) from the first usable source ({source}), largest first.", count=2,
               source=say("RT Structure Set"))  # fmt: skip
    drew = replace(SEGMENTER, id="contour", name="Contour")  # in both languages no word of English
    return replace(case, findings=replace(case.findings, lesions=lesions, rule=rule, segmenter=drew))


def _said(prediction):
    reason = say("the model gave no number") if prediction.reason else ""
    fitness = replace(prediction.fitness, reasons=())
    facts = replace(prediction.model, training="", exploratory="")
    return replace(prediction, model=facts, reason=reason, fitness=fitness, statements=())


def printed(ds: Dataset) -> str:
    """All sentences of an object."""
    said = texts(ds)
    said += [s.SegmentDescription for s in ds.get("SegmentSequence", []) if s.SegmentNumber]
    return "\n".join([*said, str(ds.get("ContentDescription", ""))])


@pytest.mark.parametrize(("name", "expected"), CHARSETS.items())
def test_a_name_in_any_script_reaches_every_object(name, expected, tmp_path):
    """As pydicom and DCMTK read it back: each kind of object holds the name of the source in UTF-8."""
    [path] = get_charset_files(name)
    source = pydicom.dcmread(path)
    case = make_case()
    for header in case.headers:
        header.SpecificCharacterSet = source.SpecificCharacterSet
        header.PatientName, header.StudyDescription = source.PatientName, str(source.PatientName)[:16]
        header.ReferringPhysicianName = source.PatientName
    case = replace(case, headers=[reread(header) for header in case.headers])
    made = every_object(case)

    assert set(ALWAYS) <= made.keys()
    for kind, ds in made.items():
        path = tmp_path / f"{kind}.dcm"
        ds.save_as(path, enforce_file_format=True)
        back = pydicom.dcmread(path)
        assert back.SpecificCharacterSet == "ISO_IR 192"
        assert str(back.PatientName).rstrip("=") == expected.rstrip("=") == str(back.ReferringPhysicianName).rstrip("=")
        assert str(source.PatientName)[:16] in back.StudyDescription
        assert expected.rstrip("=") in dcmtk("dcmdump", "+P", "PatientName", path)
        if str(back.SOPClassUID).startswith("1.2.840.10008.5.1.4.1.1.88."):
            assert expected.partition("=")[0] in dcmtk("dsrdump", path)


def dcmtk(program: str, *arguments: str | Path) -> str:
    """What a tool of DCMTK prints of a file, as UTF-8."""
    done = subprocess.run([peer(program), *map(str, arguments)], capture_output=True, check=True)
    return done.stdout.decode("utf-8")


def test_every_object_names_predictions_and_no_laboratory_test():
    """No concept is that of a molecular test, and each that is about a mutation begins with "AI-predicted"."""
    for language in TAGS:
        for ds in every_object(make_case(DRAWN, FOUND), language).values():
            names = [item.ConceptNameCodeSequence[0] for item in walk(ds) if "ConceptNameCodeSequence" in item]
            values = [item.ConceptCodeSequence[0] for item in walk(ds) if "ConceptCodeSequence" in item]
            assert not LABORATORY & {str(code.get("CodeValue", "")) for code in (*names, *values)}
            predicted = [name for name in names if "mutation" in name.CodeMeaning or "redicted" in name.CodeMeaning]
            assert all(name.CodeMeaning.startswith("AI-predicted") for name in predicted)
            assert all(name.CodingSchemeDesignator == "99RADNODE" for name in predicted)


@pytest.mark.parametrize("language", ["de", "es"])
def test_sentences_follow_the_language_and_codes_do_not(language):
    """No English word is left in what is printed; every code, number and UID is that of the English object."""
    case = in_the_words_of_the_stages()
    english = every_object(case)
    for kind, ds in every_object(case, language).items():
        said = printed(ds).replace("RT Structure Set", "")
        assert not ENGLISH.findall(said), said
        assert "[en]" not in said
        assert coded(ds) == coded(english[kind])
        assert ds.SeriesDescription == english[kind].SeriesDescription


@pytest.mark.parametrize("language", TAGS)
def test_no_report_says_what_words_and_evidence_do_not(language):
    """Each line of each comment is a sentence of theirs about this case, in the language of the report."""
    case = make_case(DRAWN, FOUND)
    known = {render(said, language) for said in sentences_of(case.findings)}
    for ds in every_object(case, language).values():
        comments = [item.TextValue for item in walk(ds) if item.ValueType == "TEXT" and _is_comment(item)]
        assert {line for comment in comments for line in comment.split("\r\n")} <= known


def _is_comment(item: Dataset) -> bool:
    return item.ConceptNameCodeSequence[0].CodeValue == "121106"


def sentences_of(findings: Findings) -> list[str]:
    """All that words and evidence say of findings."""
    said = [*words.case(findings), *words.choice(findings), words.key_contour(1)]
    said += evidence.outlining(findings)
    for lesion in findings.lesions:
        said += [words.description(lesion.contour.provenance), *words.measured(lesion)]
        for prediction in lesion.predictions:
            said += [evidence.headline(prediction), *evidence.evidence(prediction), *evidence.caveats(prediction.model)]
    return said


def coded(ds: Dataset) -> list[tuple[str, str]]:
    """All that is coded or measured below an object, in its order, without the language itself."""
    found = []
    for item in walk(ds):
        name = item.ConceptNameCodeSequence[0].CodeMeaning if "ConceptNameCodeSequence" in item else ""
        value = item.get("ConceptCodeSequence") or item.get("MeasuredValueSequence") or [Dataset()]
        if name != "Language of Content Item and Descendants":
            found.append((name, str(value[0].get("CodeMeaning", value[0].get("NumericValue", "")))))
    return found


@pytest.mark.parametrize("language", TAGS)
def test_a_report_says_in_which_language_it_is(language):
    """TID 1204 with the tag of RFC 5646, in the first item of every report."""
    for ds in every_object(make_case(), language).values():
        if "ContentSequence" in ds:
            [item] = named(ds, "121049")
            code = item.ConceptCodeSequence[0]
            assert (code.CodeValue, code.CodingSchemeDesignator) == (TAGS[language][0], "RFC5646")
            assert ds.ContentSequence[0].ConceptNameCodeSequence[0].CodeValue == "121049"


@pytest.mark.parametrize("language", ["de", "es"])
@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_is_said_in_the_language(code, language):
    """Its sentence, and what was found, with the coded reason as in English."""
    reason = say("{count} slices, at least {least} are needed", count=3, least=10)
    findings = Findings(state="refused", reason_code=code, reason=reason)
    [sr] = [
        ds for kind, ds in refused_objects(replace(make_case(), findings=findings), language).items() if kind == "sr"
    ]
    said = printed(sr)

    assert catalogue(language)[REFUSALS[code].template] in said
    assert catalogue(language)["{count} slices, at least {least} are needed"].format(count=3, least=10) in said
    assert code in [item.ConceptCodeSequence[0].CodeMeaning for item in walk(sr) if "ConceptCodeSequence" in item]


@pytest.mark.parametrize("lung", ["left", "right"])
def test_every_object_with_sentences_says_in_which_lung_the_lesion_lies(lung):
    """Reports of measurements, of features, of the key slice and of text, and the page."""
    case = make_case()
    lesion = replace(case.findings.lesions[0], lung=lung)
    case = replace(case, findings=replace(case.findings, lesions=(lesion,)))
    made = every_object(case)

    said = f"It lies in the {lung} lung, as the lungs were found on this image."
    for kind in ("sr", "key-sr", "text-sr", "feature-sr"):
        assert said in printed(made[kind]), kind
    assert said in page.printed(made["pdf"].EncapsulatedDocument).text


def test_a_sentence_without_translation_is_marked_in_the_report():
    """A site's own model speaks English only: the reader is told where."""
    case = make_case()
    said = printed(every_object(case, "de")["sr"])

    assert "nicht ausgewertet. [en] smoking is not known." in said
    assert "KI-Vorhersage" in said
