"""Versions of instances, and when their studies are due."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.domain.series import Frame, Patient
from node.store.ledger import CaseRow, Ledger
from tests.support.ledgers import ANNA, CT, SEG, START, Clock, a_result, an_arrival, an_instance, an_order

STUDY = "1.2.1"


def seconds(count: float) -> timedelta:
    """A short time."""
    return timedelta(seconds=count)


def test_an_instance_comes_back_as_it_was_recorded(ledger):
    """
    Every field of the header survives, odd characters included; the first version counts at once.
    """
    odd = replace(
        an_instance("1.1"),
        patient=Patient("Æ\x00\udc80", "H'; --"),
        attributes={"SeriesDescription": ("a\\b", "\x00ü\udcff"), "Empty": ()},
        frames=(Frame((0.1, -1e-9, 1e9), (1.0, 0.0, 0.0, 0.0, 0.6, 0.8)), Frame((0.0,) * 3, (0.0,) * 6)),
        references=("1.5", "1.6"),
        referenced_series=("1.7",),
        referenced_frames=("1.8",),
    )
    ledger.record([an_arrival(odd, path="spool/kept/a.dcm", calling_ae="CT\x001")])
    [stored] = ledger.study(STUDY)

    assert stored.instance == odd
    assert (stored.path, stored.content, stored.conflict) == ("spool/kept/a.dcm", odd.digest, False)
    assert (stored.received_at, stored.calling_ae) == (START, "CT1")
    assert ledger.patient_studies(odd.patient) == (STUDY,)


def test_recording_the_same_again_changes_nothing(ledger):
    """
    What a crash makes the recorder do twice leaves one row, and does not wake the study.
    """
    arrivals = [an_arrival(an_instance(f"1.{n}")) for n in range(3)]
    ledger.record(arrivals)
    before = ledger.last_arrival(STUDY)
    ledger.record([replace(arrivals[0], received_at=START + seconds(60)), *arrivals])

    assert [s.instance.sop_uid for s in ledger.study(STUDY)] == ["1.0", "1.1", "1.2"]
    assert ledger.last_arrival(STUDY) == before


def test_a_second_version_holds_its_study_back_until_it_is_judged(ledger):
    """
    Nobody examines a study while it is open whether two versions of an instance agree.
    """
    first, second = an_instance("1.1"), an_instance("1.1", attributes={"SeriesDescription": ("Corrected",)})
    ledger.record([an_arrival(first), an_arrival(second, START + seconds(1))])
    [(new, old)] = ledger.unjudged(10)
    held_back = ledger.due_studies(START + seconds(99))
    ledger.judge("1.1", second.digest, content=first.digest, conflict=False)

    assert (new.instance, new.content, old.instance) == (second, "", first)
    assert held_back == ()
    assert ledger.unjudged(10) == ()
    assert ledger.due_studies(START + seconds(99)) == (STUDY,)
    assert [v.content for v in ledger.versions("1.1")] == [first.digest, first.digest]


def test_a_judged_version_wakes_every_study_that_holds_the_instance(ledger):
    """
    A header that moves an instance to another study concerns both studies; a conflict is kept as one.
    """
    first, moved = an_instance("1.1"), an_instance("1.1", "1.2.2")
    ledger.record([an_arrival(first), an_arrival(moved)])
    for study_uid in (STUDY, "1.2.2"):
        ledger.examine(study_uid, ledger.last_arrival(study_uid), (), ())
    ledger.judge("1.1", moved.digest, content=moved.digest, conflict=True)

    assert set(ledger.due_studies(START + seconds(9))) == {STUDY, "1.2.2"}
    assert [v.conflict for v in ledger.versions("1.1")] == [False, True]
    assert ledger.counts()["conflicts"] == 1


def test_what_a_radnode_made_is_kept_but_touches_nothing(ledger):
    """
    Our results sent back to us neither feed nor wake a study, whether the header or only the UID gives them away.
    """
    order = an_order(STUDY)
    ledger.record([an_arrival(an_instance("1.1"))])
    ledger.examine(STUDY, ledger.last_arrival(STUDY), (), (order,))
    manifest = a_result(order)[1]
    ledger.finish(order.job_id, ledger.start(order.job_id), manifest, ["pacs"])
    marked = an_instance("7.1", sop_class=SEG, ours=True)
    stripped = an_instance(manifest.files[0].sop_uid, sop_class=SEG)
    coerced = an_instance(manifest.files[0].sop_uid, sop_class=SEG, attributes={"PatientSex": ("F",)})
    ledger.record([an_arrival(i, START + seconds(50)) for i in (marked, stripped, coerced)])

    assert ledger.due_studies(START + seconds(999)) == ()
    assert ledger.unjudged(10) == ()
    assert [s.instance.sop_uid for s in ledger.study(STUDY)] == ["1.1"]
    assert ledger.objects_of(ANNA, {SEG}) == ()
    assert [len(ledger.versions(i.sop_uid)) for i in (marked, stripped)] == [1, 2]
    assert [ledger.made_here(i.sop_uid) for i in (marked, stripped, an_instance("1.1"))] == [True, True, False]


def test_a_study_of_ours_alone_is_never_due(ledger):
    """
    Our objects under a study that we never received make no study.
    """
    ledger.record([an_arrival(an_instance("7.1", "1.2.7", ours=True))])

    assert ledger.due_studies(START + seconds(999)) == ()
    assert ledger.first_seen("1.2.7") is None


def test_objects_and_studies_of_a_patient_are_found_across_studies(ledger):
    """
    A drawing in another study of the same patient is found; a namesake of another issuer's is not.
    """
    namesake = Patient(ANNA.id, "ELSEWHERE")
    ledger.record(
        [
            an_arrival(an_instance("1.1")),
            an_arrival(an_instance("2.1", "1.2.2", sop_class=SEG)),
            an_arrival(an_instance("3.1", "1.2.3", sop_class=SEG, patient=namesake)),
        ]
    )

    assert ledger.patient_studies(ANNA) == ("1.2.1", "1.2.2")
    assert [s.instance.sop_uid for s in ledger.objects_of(ANNA, {SEG})] == ["2.1"]
    assert [s.instance.sop_uid for s in ledger.objects_of(ANNA, {SEG, CT})] == ["1.1", "2.1"]
    assert ledger.objects_of(ANNA, ()) == ()


def test_an_issuer_that_is_absent_contradicts_nothing(ledger):
    """
    Images with an issuer and a drawing without one are of one patient, unless the ID has two issuers: then of neither.
    """
    bare = replace(ANNA, issuer="")
    ledger.record(
        [an_arrival(an_instance("1.1")), an_arrival(an_instance("2.1", "1.2.2", sop_class=SEG, patient=bare))]
    )
    found = [ledger.patient_studies(each) for each in (ANNA, bare)]
    ledger.record([an_arrival(an_instance("3.1", "1.2.3", patient=replace(ANNA, issuer="ELSEWHERE")))])

    assert found == [("1.2.1", "1.2.2")] * 2
    assert [ledger.patient_studies(each) for each in (ANNA, bare)] == [("1.2.1",), ("1.2.2",)]
    assert ledger.objects_of(ANNA, {SEG}) == ()


def test_studies_are_found_by_thousands_of_references(ledger):
    """
    A drawing may refer to more instances than one query takes.
    """
    ledger.record([an_arrival(an_instance("1.1")), an_arrival(an_instance("2.1", "1.2.2"))])

    assert ledger.studies_referenced([f"5.{n}" for n in range(40_000)] + ["2.1"]) == ("1.2.2",)
    assert ledger.studies_referenced(()) == ()


def test_a_study_is_due_when_it_is_quiet_and_changed(ledger):
    """
    Not before its last arrival is old enough, not again once examined, again after another arrival.
    """
    ledger.record([an_arrival(an_instance("1.1")), an_arrival(an_instance("1.2"), START + seconds(30))])
    too_early, due = ledger.due_studies(START + seconds(29)), ledger.due_studies(START + seconds(30))
    assert ledger.examine(STUDY, ledger.last_arrival(STUDY), (), ())
    examined = ledger.due_studies(START + seconds(99))
    ledger.record([an_arrival(an_instance("1.3"), START + seconds(40))])

    assert (too_early, due, examined) == ((), (STUDY,), ())
    assert ledger.due_studies(START + seconds(99)) == (STUDY,)
    assert (ledger.first_seen(STUDY), ledger.last_arrival(STUDY)) == (START, START + seconds(40))


def test_an_examination_of_an_older_state_writes_nothing(ledger):
    """
    An arrival, a judgement or a wake between looking and writing is never lost, even one with an older time.
    """
    ledger.record([an_arrival(an_instance("1.1"), START + seconds(30))])
    seen, order = ledger.last_arrival(STUDY), an_order(STUDY)
    ledger.record([an_arrival(an_instance("1.2"), START)])
    case = CaseRow(STUDY, "lung", "ready", {}, START)
    after_arrival = ledger.examine(STUDY, seen, (case,), (order,))
    seen = ledger.last_arrival(STUDY)
    ledger.wake(STUDY)

    assert not after_arrival
    assert not ledger.examine(STUDY, seen, (case,), (order,))
    assert (ledger.cases(), ledger.jobs()) == ((), ())
    assert ledger.due_studies(START + seconds(99)) == (STUDY,)


def test_a_late_arrival_with_an_older_time_is_not_overlooked(ledger):
    """
    Whatever a caller gives as `seen`, what is recorded after the examination makes the study due again.
    """
    ledger.record([an_arrival(an_instance("1.1"))])
    assert ledger.examine(STUDY, START + seconds(500), (), ())
    ledger.record([an_arrival(an_instance("1.2"), START - seconds(5))])

    assert ledger.due_studies(START + seconds(501)) == (STUDY,)
    assert ledger.first_seen(STUDY) == START - seconds(5)


def test_a_held_study_is_due_when_its_time_has_come(ledger, clock):
    """
    A hold outlasts an examination, ends by its time, and is over once the study was examined after it.
    """
    ledger.record([an_arrival(an_instance("1.1"))])
    seen = ledger.last_arrival(STUDY)
    ledger.hold(STUDY, START + seconds(600), "slices are missing")
    ledger.examine(STUDY, seen, (), ())
    held, why = ledger.due_studies(START + seconds(60)), ledger.held(STUDY)
    clock.forward(seconds=600)
    due = ledger.due_studies(clock())
    ledger.examine(STUDY, seen, (), ())

    assert (held, due) == ((), (STUDY,))
    assert why == (START + seconds(600), "slices are missing")
    assert ledger.due_studies(clock()) == ()
    assert ledger.held(STUDY) is None


def test_an_arrival_or_a_wake_ends_a_hold(ledger):
    """
    The missing slice came, or the operator does not want to wait.
    """
    for end in (lambda: ledger.record([an_arrival(an_instance("1.2"))]), lambda: ledger.wake(STUDY)):
        ledger.record([an_arrival(an_instance("1.1"))])
        ledger.hold(STUDY, START + seconds(600), "slices are missing")
        end()

        assert ledger.due_studies(START + seconds(60)) == (STUDY,)


def test_waking_an_unknown_study_makes_none(ledger):
    """
    Only arrivals make studies.
    """
    ledger.wake("1.2.404")

    assert ledger.last_arrival("1.2.404") is None


def test_an_unreadable_file_is_listed_once(ledger):
    """
    What could not be read is visible, with its reason and sender.
    """
    for _ in range(2):
        ledger.unreadable("spool/rejected/x.dcm", "no DICOM \x00file", "CT1", START)
    [found] = ledger.unreadables()

    assert (found.path, found.reason, found.calling_ae, found.received_at) == (
        "spool/rejected/x.dcm", "no DICOM file", "CT1", START,
    )  # fmt: skip


def test_a_case_keeps_its_explanation_and_its_story(ledger, clock):
    """
    The state of a case is overwritten, its changes are not; examining it again in the same state tells nothing new.
    """
    ledger.record([an_arrival(an_instance("1.1"))])
    for state in ("waiting", "waiting", "ready"):
        clock.forward(seconds=1)
        ledger.examine(
            STUDY, ledger.last_arrival(STUDY), [CaseRow(STUDY, "lung", state, {"why": [state]}, clock())], ()
        )
    [case] = ledger.cases(STUDY)

    assert (case.state, case.explanation, case.updated_at) == ("ready", {"why": ["ready"]}, clock())
    assert [(t.state, t.at) for t in ledger.transitions(f"{STUDY}/lung")] == [
        ("waiting", START + seconds(1)),
        ("ready", START + seconds(3)),
    ]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_any_interleaving_of_batches_gives_the_same_versions(tmp_path_factory, seed):
    """
    However arrivals are split into batches, and whichever are repeated, the same versions are kept.
    """
    chance = random.Random(seed)
    arrivals = [
        an_arrival(an_instance(f"1.{n}", f"1.2.{n % 3}", attributes={"V": (str(v),)}), START + seconds(10 * v + n))
        for v in range(2)
        for n in range(5)
    ]
    ledger = Ledger.open(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'l.sqlite'}", Clock())
    rest = list(arrivals)
    while rest:
        size = chance.randint(1, 4)
        ledger.record(
            rest[:size] + chance.sample(arrivals[: len(arrivals) - len(rest)], k=min(2, len(arrivals) - len(rest)))
        )
        rest = rest[size:]
    kept = {(v.instance.sop_uid, v.instance.digest) for n in range(5) for v in ledger.versions(f"1.{n}")}
    unjudged = {new.instance.digest for new, _ in ledger.unjudged(100)}
    ledger.close()

    assert kept == {(a.instance.sop_uid, a.instance.digest) for a in arrivals}
    assert unjudged == {a.instance.digest for a in arrivals[5:]}
