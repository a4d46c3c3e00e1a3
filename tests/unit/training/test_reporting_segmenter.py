"""Cards of models that draw: made of the manifest alone, compared by `models verify`, honest about guidelines."""

import tomllib

import pytest

from node.errors import ModelFailed
from node.inference.package import shipped_models
from node.training.bring import bring
from node.training.brought import Wishes
from node.training.card_check import comparable, differs
from node.training.reporting_segmenter import TRIPOD, segmenter_reporting
from tests.support.foreign import linear, nnunet

LESION = shipped_models() / "lung-lesion"
HEADINGS = ("How it works", "Measured", "Applicability", "Limits", "Data", "Reporting")


@pytest.fixture(scope="module")
def lesion():
    return tomllib.loads((LESION / "model.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    source = nnunet(tmp_path_factory.mktemp("source"), linear([[0], [1]], [1.0, -0.5], (8, 16, 12)))
    files = bring(source, "toy", Wishes(configuration="3d_fullres", orientation="SPL")).files
    return files["card.md"].decode(), tomllib.loads(files["model.toml"].decode())


def section(manifest):
    return "\n".join(segmenter_reporting(manifest))


def test_the_shipped_card_is_true_and_complete(lesion):
    """lung-lesion's card is what its manifest says, with every heading that reviewers ask for."""
    card = (LESION / "card.md").read_text(encoding="utf-8")
    assert comparable(card, lesion) == "all of it"
    assert not differs(card, lesion)
    assert [line[3:] for line in card.splitlines() if line.startswith("## ")] == list(HEADINGS)
    assert "Licence: " in card


@pytest.mark.parametrize(
    ("said", "better"),
    [("| found with trust | 8 |", "| found with trust | 9 |"), ("| 18c protocol | none |", "| 18c protocol | yes |")],
)
def test_a_changed_card_is_seen(lesion, said, better):
    """A better figure, and a kinder answer to a guideline, are told."""
    card = (LESION / "card.md").read_text(encoding="utf-8")
    assert said in card
    assert differs(card.replace(said, better), lesion)


def test_an_imported_card_is_made_of_its_manifest(imported):
    """Read back from disk the manifest makes the very card; one that claims more is told."""
    card, manifest = imported
    assert comparable(card, manifest) == "all of it"
    assert not differs(card, manifest)
    assert differs(card.replace("**Not validated here.**", "**Validated.**"), manifest)


def test_nothing_is_claimed_for_the_makers_of_an_imported_model(imported):
    """No protocol, size or score is invented: what its makers did is not known here, and no accuracy was measured."""
    told = section(imported[1])
    for item in ("5b dates of the data", "10 sample size", "17 ethical approval", "18c protocol", "18f availability"):
        assert item in told.partition("Not reported: ")[2].partition("\n")[0]
    assert "no accuracy was measured here" in told
    assert "| validation without retraining | -5 | 5 | not known here |" in told


def test_every_item_is_answered_or_said_to_be_unreported(lesion, imported):
    """No item of the guideline is passed over in silence."""
    for manifest in (lesion, imported[1]):
        told = section(manifest)
        answered = {line.split()[1] for line in told.splitlines() if line.startswith("| ")}
        missing = told.partition("Not reported: ")[2].partition(".\n")[0]
        assert answered & TRIPOD.keys() | {part.split()[0] for part in missing.split(", ")} == TRIPOD.keys()


def test_what_a_person_states_goes_before_and_must_exist(lesion):
    """[reporting] answers items by their number; a number that the guideline does not have is an error."""
    stated = {
        **lesion,
        "reporting": {"tripod": {"5b": "1999 to 2003"}, "rqs": {"phantom": {"points": 1, "why": "two"}}},
    }
    told = section(stated)
    assert "| 5b dates of the data | 1999 to 2003 |" in told
    assert "| phantom study on all scanners | 1 | 1 | two |" in told
    with pytest.raises(ModelFailed, match="answers 5z, which is no item"):
        section({**lesion, "reporting": {"tripod": {"5z": "x"}}})


def test_a_card_of_a_models_own_script_is_compared_in_its_reporting_section(lesion):
    """A card with its own words and our section is held against it; one without either is not compared, and so said."""
    card = f"# Own words\n\n{section(lesion)}\n"
    assert comparable(card, lesion) == "its reporting section"
    assert not differs(card, lesion)
    assert differs(card.replace("| 0 | 7 | none |", "| 7 | 7 | registered |"), lesion)
    assert comparable("# Own words\n", lesion) == "nothing of it"
