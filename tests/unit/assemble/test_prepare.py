"""From a settled study to a case and an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from node.assemble.prepare import Site, change, prepare
from node.assemble.study import RTSTRUCT, SEGMENTATIONS, Study, current
from node.domain.clinical import Clinical
from node.domain.order import LesionRules, Order, Pipeline
from node.domain.rules import Condition, Role
from node.domain.series import Frame, Instance, Patient, Stored

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CT = "1.2.840.10008.5.1.4.1.1.2"
LUNG = Pipeline(name="lung", number=0, roles={"ct": Role(modality="CT")}, lesion=LesionRules())
SITE = Site(
    installation="here", node_version="0", models={}, clinical=lambda *_: Clinical(), speaks=lambda *_: True,
    reads=lambda _: None, asks={},
)  # fmt: skip


def ct(number: int, *, series: str = "1.2.3", frame: str = "1.9", patient: str = "P", **attributes: str) -> Instance:
    """One CT slice."""
    facts = {"StudyDate": ("20261120",), "SeriesNumber": ("2",)} | {k: (v,) for k, v in attributes.items()}
    return Instance(
        sop_uid=f"{series}.{number}", sop_class=CT, series_uid=series, study_uid="1.2", patient=Patient(patient),
        modality="CT", transfer_syntax="1.2.840.10008.1.2.1", frame_uid=frame, attributes=facts,
        frames=(Frame((0.0, 0.0, 2.0 * number), (1, 0, 0, 0, 1, 0)),), digest=f"{series}-{number}-{patient}",
    )  # fmt: skip


def rtstruct(*, references: tuple[str, ...] = (), frame: str = "1.9", uid: str = "1.7.1") -> Instance:
    """A structure set."""
    return Instance(
        sop_uid=uid, sop_class=RTSTRUCT, series_uid="1.7", study_uid="1.2", patient=Patient("P"), modality="RTSTRUCT",
        transfer_syntax="1.2.840.10008.1.2.1", references=references, referenced_frames=(frame,), digest=f"rt-{uid}",
    )  # fmt: skip


def stored(instance: Instance, *, seconds: int = 0, content: str = "", conflict: bool = False) -> Stored:
    """A kept version."""
    return Stored(
        instance=instance, path=f"kept/{instance.sop_uid}", received_at=NOW + timedelta(seconds=seconds),
        content=content or instance.digest, conflict=conflict,
    )  # fmt: skip


def study(versions: Sequence[Stored], frames: dict[str, frozenset[str]] | None = None) -> Study:
    """A study as the ledger would tell it."""
    objects = [v for v in versions if v.instance.modality != "CT"]
    return Study("1.2", current(versions), current(objects), frames or {"1.9": frozenset({"1.2.3"})})


def order_of(versions: Sequence[Stored], frames: dict[str, frozenset[str]] | None = None) -> Order:
    """The order that a study leads to."""
    prepared = prepare(study(versions, frames), LUNG, SITE, NOW)
    assert prepared.order is not None, prepared.explanation
    return prepared.order


STACK = [stored(ct(n)) for n in range(12)]


def test_the_series_with_most_slices_fills_the_role_and_the_others_are_explained():
    """A scout of two slices loses against the stack, and the explanation says what each series was worth."""
    scout = [stored(ct(n, series="1.2.4")) for n in range(2)]
    prepared = prepare(study([*STACK, *scout]), LUNG, SITE, NOW)
    assert prepared.explanation["series"]["1.2.3"]["ct"] == "fits with 12 slices; chosen"
    assert prepared.explanation["series"]["1.2.4"]["ct"] == "fits with 2 slices"


def test_a_condition_that_fails_is_named():
    """The explanation tells attribute and pattern, never the patient's value."""
    rules = replace(LUNG, roles={"ct": Role(modality="CT", where={"SeriesDescription": Condition(matches="(?i)thin")})})
    prepared = prepare(study(STACK), rules, SITE, NOW)
    assert prepared.state == "unmatched"
    assert prepared.explanation["series"]["1.2.3"]["ct"] == "SeriesDescription is absent"


def test_two_patients_under_one_study_uid_are_refused():
    """The order exists, and is already refused."""
    mixed = [*STACK[:6], *(stored(ct(n, patient="Q")) for n in range(6, 12))]
    assert order_of(mixed).refusal[0] == "patient identity conflict"


def test_no_patient_id_is_refused():
    """A result without a patient could be filed under anyone."""
    assert order_of([stored(ct(n, patient="")) for n in range(12)]).refusal[0] == "no patient id"


def test_other_pixels_under_one_uid_are_refused():
    """A conflict on an instance that the job would read."""
    assert (
        order_of([*STACK, stored(ct(3, patient="P "), seconds=9, conflict=True)]).refusal[0] == "conflicting instances"
    )


def test_a_corrected_header_is_read_but_makes_no_new_revision():
    """The newest header counts, the fingerprint stays."""
    before = order_of(STACK)
    newer = replace(ct(3), digest="newer")
    after = order_of([*STACK, stored(newer, seconds=9, content=ct(3).digest)])
    assert after.fingerprint == before.fingerprint
    assert [i.digest for i in after.roles["ct"] if i.sop_uid == "1.2.3.3"] == ["newer"]


def test_a_corrected_patient_makes_a_new_revision():
    """Same pixels, another patient: the former result is filed wrongly."""
    before = order_of(STACK)
    moved = [stored(ct(n, patient="R"), seconds=9, content=ct(n).digest) for n in range(12)]
    after = order_of([*STACK, *moved])
    assert after.fingerprint != before.fingerprint
    assert change(after, before) == "The patient identity of the study was corrected."


def test_a_structure_set_belongs_to_the_series_whose_images_it_names():
    """One that names other images is no source."""
    mine = order_of([*STACK, stored(rtstruct(references=("1.2.3.4",)))])
    other = order_of([*STACK, stored(rtstruct(references=("1.8.8",)))])
    assert [s.kind for s in mine.lesion] == ["rtstruct"]
    assert other.lesion == ()
    assert change(mine, other) == "A new source of the lesion arrived (RT Structure Set)."


def test_a_structure_set_of_renumbered_images_goes_by_the_series_it_names():
    """Instance UIDs that nobody knows, but our series: ours. Those of another series: not ours."""
    named = replace(rtstruct(references=("1.8.8",)), referenced_series=("1.2.3",))
    assert [s.kind for s in order_of([*STACK, stored(named)]).lesion] == ["rtstruct"]
    assert order_of([*STACK, stored(replace(named, referenced_series=("1.2.4",)))]).lesion == ()


def test_segmentations_count_together_and_structure_sets_one_after_the_other():
    """Of Segmentations there may be one for each lesion; a newer structure set replaces an older one."""
    drawn = [stored(rtstruct(uid=uid, references=("1.2.3.4",))) for uid in ("1.7.1", "1.7.2")]
    outlined = [
        replace(
            each, instance=replace(each.instance, sop_class=min(SEGMENTATIONS), sop_uid=f"{each.instance.sop_uid}.9")
        )
        for each in drawn
    ]
    lesion = order_of([*STACK, *drawn, *outlined]).lesion
    assert [(source.kind, len(source.inputs)) for source in lesion] == [("rtstruct", 1), ("rtstruct", 1), ("seg", 2)]


def test_a_structure_set_without_image_references_goes_by_its_frame():
    """One image series in the frame: it belongs there; two: ambiguous, refused."""
    assert [s.kind for s in order_of([*STACK, stored(rtstruct())]).lesion] == ["rtstruct"]
    two = order_of([*STACK, stored(rtstruct())], {"1.9": frozenset({"1.2.3", "1.2.4"})})
    assert two.refusal[0] == "ambiguous reference"


def test_an_old_study_is_kept_as_a_prior_and_runs_on_request():
    """Thirty days by default."""
    old = [stored(ct(n, StudyDate="20260101")) for n in range(12)]
    assert "kept as a prior" in prepare(study(old), LUNG, SITE, NOW).explanation["why"]
    assert prepare(study(old), LUNG, SITE, NOW, on_request=True).order is not None


def test_a_gap_is_told_but_does_not_hide_the_order():
    """Whoever settles decides how long to wait; the order is then refused by load."""
    prepared = prepare(study([s for n, s in enumerate(STACK) if n != 5]), LUNG, SITE, NOW)
    assert prepared.gap
    assert prepared.order is not None


def test_the_job_id_depends_on_content_and_not_on_time_or_place():
    """Same study at another hour in another folder: the same job."""
    order = order_of(STACK)
    moved = order_of([replace(s, path="elsewhere") for s in STACK]).at(NOW + timedelta(days=1))
    assert moved.job_id == order.job_id
    assert Order.from_json(order.to_json()) == order
