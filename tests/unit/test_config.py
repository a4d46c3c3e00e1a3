"""config.toml: what a person writes, and what the node tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from node import shipped
from node.config import parse, read_config
from node.errors import ConfigError

PIPELINE = '[[pipelines]]\nname = "lung"\n[pipelines.series.ct]\nmodality = "CT"\n'


def mistakes(text: str) -> list[str]:
    """The mistakes that a text holds."""
    with pytest.raises(ConfigError) as caught:
        parse(text, at="config.toml", base=Path("/"))
    return caught.value.mistakes


def test_the_shipped_configuration_is_valid_and_lets_nobody_in():
    """As shipped the node accepts from no one and does not search for lesions by itself."""
    config = parse(shipped.config().read_text(), at="shipped", base=Path("/srv"))
    assert not config.peers
    assert config.node.state_dir == Path("/srv/state")
    assert [pipeline.name for pipeline in config.pipelines] == ["lung", "glioma"]
    for pipeline in config.pipelines:
        assert pipeline.lesion.sources == ("rtstruct", "seg", "seed")
        assert pipeline.send_to == ()


def test_every_mistake_is_told_at_once_with_key_value_and_suggestion():
    """Three mistakes give three lines."""
    found = mistakes("[receive]\nport = 99999\nquite = 3\n[settle]\nstudy_quite_s = 30\n")
    assert found == [
        "receive.port: Input should be less than or equal to 65535, not 99999",
        "receive.quite: no such key",
        "settle.study_quite_s: no such key; did you mean 'study_quiet_s'?",
    ]


def test_names_that_point_nowhere_are_mistakes():
    """A destination without its peer, a pipeline without its destination, an unknown refusal code."""
    text = '[destinations.pacs]\npeer = "pcas"\n[peers.pacs]\nae_title = "PACS"\n'
    text += PIPELINE.replace('"lung"', '"lung"\nsend_to = ["pax"]\ndeliver_refusals = ["no lesions"]')
    found = mistakes(text)
    assert "destinations.pacs.peer: 'pcas' is not among peers (pacs); did you mean 'pacs'?" in found
    assert "pipelines.lung.send_to: 'pax' is not among destinations (pacs)" in found
    assert any(line.startswith("pipelines.lung.deliver_refusals: 'no lesions' is not among") for line in found)


def test_codes_of_a_readers_findings_are_checked():
    """A finding that no report can state, and one code for two findings; a right table comes back turned round."""
    assert any("no finding age" in line for line in mistakes('[clinical]\nsr_names.age = [["A", "99X"]]\n'))
    twice = '[clinical.sr_names]\nsolid = [["A", "99X"]]\ncentral = [["A", "99X"]]\n'
    assert any("a code names one finding only" in line for line in mistakes(twice))
    right = parse(twice.replace('central = [["A"', 'central = [["B"'), at="config.toml", base=Path("/"))
    assert right.clinical.own_names == {("99X", "A"): "solid", ("99X", "B"): "central"}


def test_a_destination_chooses_among_the_results():
    """Segmentation and report unless told; what is no kind of result is a mistake."""
    text = '[peers.pacs]\nae_title = "PACS"\nhost = "h"\nport = 104\n[destinations.pacs]\npeer = "pacs"\n'
    plain, asked = (parse(t, at="config.toml", base=Path("/")) for t in (text, text + 'send = ["sr", "key-sr"]\n'))
    assert plain.destinations["pacs"].send == ("seg", "sr")
    assert asked.destinations["pacs"].send == ("sr", "key-sr")
    assert mistakes(text + 'send = ["key_sr"]\n')[0].startswith("destinations.pacs.send.0: ")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ('where.SeriesDescripton = "x"', "no such DICOM keyword"),
        ('where.PixelData = "x"', "not on O"),
        ('where.SeriesDescription = { matches = "(" }', "no regular expression"),
    ],
)
def test_conditions_are_checked_when_read(condition, told):
    """A keyword that is none, an attribute without text, a pattern that does not compile."""
    assert any(told in line for line in mistakes(PIPELINE + condition))


def test_a_secret_is_never_echoed():
    """The database URL may hold a password."""
    assert not any("hunter2" in line for line in mistakes("[node]\nledger_url = ['hunter2']"))


def test_refusals_that_stay_silent_are_the_two_by_default():
    """`no lesion` and `wrong anatomy` are not delivered unless asked for."""
    config = parse(PIPELINE, at="config.toml", base=Path("/"))
    assert set(config.resolved()[0].silent_refusals) == {"no lesion", "wrong anatomy"}


def test_every_pipeline_speaks_the_language_of_the_node():
    """One of three, English where nothing is said; any other is a mistake."""
    spoken = [parse(f"[node]\n{line}\n{PIPELINE}", at="config.toml", base=Path("/")).resolved()[0].language
              for line in ("", 'language = "de"', 'language = "es"')]  # fmt: skip

    assert spoken == ["en", "de", "es"]
    assert "node.language" in mistakes('[node]\nlanguage = "fr"\n')[0]


def test_a_missing_file_is_told(tmp_path):
    """The error names the file."""
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        read_config(tmp_path / "absent.toml")


def test_tls_without_certificates_is_a_mistake():
    """Whoever switches TLS on must say with which certificate; a peer that is called needs an address."""
    text = '[receive]\ntls = true\n[peers.pacs]\nae_title = "PACS"\ntls = true\n'
    assert mistakes(text) == [
        "receive.tls: needs [tls] with our certificate, its key and the ca",
        "peers.pacs.tls: needs [tls] with our certificate, its key and the ca",
        "peers.pacs.tls: needs host and port: it is about calling the peer; receive.tls is about its calls",
    ]


def test_the_files_of_tls_are_taken_from_the_configuration_file():
    """A relative path is relative to config.toml, an absolute one stays."""
    text = '[tls]\ncertificate = "tls/our.pem"\nkey = "/run/secrets/our.key"\nca = "tls/ca.pem"\n'
    tls = parse(text, at="config.toml", base=Path("/srv")).tls
    assert tls is not None
    assert (tls.certificate, tls.key, tls.ca) == (
        Path("/srv/tls/our.pem"),
        Path("/run/secrets/our.key"),
        Path("/srv/tls/ca.pem"),
    )


def test_a_fhir_server_is_a_destination_in_place_of_a_peer():
    """It gets the bundle, which the pipelines that send there then make; its secret goes out by https only."""
    server = '[destinations.ehr]\nfhir = "https://ehr.example/fhir/"\n'
    send = PIPELINE.replace("[pipelines.", 'send_to = ["ehr"]\n[pipelines.')
    config = parse(server + send, at="config.toml", base=Path("/srv"))
    table = '[destinations.ehr.fhir]\nurl = "https://h/fhir"\nsecret_file = "token"\n'
    fhir = parse(table, at="config.toml", base=Path("/srv")).destinations["ehr"].fhir

    assert config.destinations["ehr"].fhir is not None
    assert config.destinations["ehr"].fhir.url == "https://ehr.example/fhir"
    assert config.destinations["ehr"].takes == ("fhir",)
    assert config.resolved()[0].exports == ("fhir",)
    assert config.resolved()[0].kinds == ("seg", "sr", "key-sr")
    assert fhir is not None
    assert fhir.secret_file == Path("/srv/token")
    assert "a secret goes out by https:// only" in mistakes(table.replace("https", "http"))[0]
    one_way = "destinations.ehr: set one of `peer` (C-STORE), `stow` (DICOMweb) and `fhir` (a FHIR server)"
    assert mistakes("[destinations.ehr]\n") == [one_way]
    both = mistakes(
        '[peers.p]\nae_title = "P"\nhost = "h"\nport = 1\n' + server.replace("fhir =", 'peer = "p"\nfhir =')
    )
    assert both == [one_way]
    for url in ("ftp://h", "https://", "https://me:secret@h/fhir", "https://h/fhir?x=1"):
        assert "a base URL is http(s)://host[:port]/path" in mistakes(f'[destinations.ehr]\nfhir = "{url}"\n')[0]
        assert "secret" not in mistakes(f'[destinations.ehr]\nfhir = "{url}"\n')[0]


def test_a_bundle_may_be_left_in_the_folder_of_the_job_alone():
    """`exports` asks for it without a destination."""
    text = PIPELINE.replace("[pipelines.", 'exports = ["fhir"]\n[pipelines.')
    assert parse(text, at="config.toml", base=Path("/")).resolved()[0].exports == ("fhir",)
    assert parse(PIPELINE, at="config.toml", base=Path("/")).resolved()[0].exports == ()


WEB = '[destinations.web]\nstow = "https://pacs/dicom-web"\n'


def test_a_destination_is_a_peer_or_a_server():
    """One of the two, exactly; the URL alone is enough."""
    config = parse(WEB, at="config.toml", base=Path("/"))
    assert config.destinations["web"].stow.url == "https://pacs/dicom-web"
    peer = '[peers.pacs]\nae_title = "PACS"\nhost = "h"\nport = 104\n'
    for text in (WEB + 'peer = "pacs"\n' + peer, "[destinations.web]\n"):
        [found] = mistakes(text)
        assert found.startswith("destinations.web: set one of `peer`")


def test_commitment_needs_a_dicom_peer_that_can_be_called():
    """DICOMweb has no such service; and a peer that asks us must be told somewhere."""
    assert "is a DICOM service" in mistakes(WEB + "commit = true\n")[0]
    asking = '[peers.ct]\nae_title = "CT"\nmay_ask_commitment = true\n'
    assert mistakes(asking) == ["peers.ct.may_ask_commitment: needs host and port, because we report to it"]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('url = "https://ane:sesame@pacs/dw"', "without user, query and fragment"),
        ('url = "https://pacs/dw?key=sesame"', "without user, query and fragment"),
        ('url = "https://pacs/dw"\nsecret_env = "A"\nsecret_file = "b"', "set one of"),
        ('url = "https://pacs/dw"\nuser = "ane"', "`user` needs"),
        ('url = "http://pacs/dw"\nsecret_env = "A"', "https:// only"),
        ('url = "ftp://sesame@pacs/dw"', "a base URL is http(s)"),
    ],
)
def test_a_secret_is_kept_out_of_the_configuration_and_off_plain_lines(table, why):
    """What would show or send a password in the clear is a mistake, which does not repeat it."""
    [found] = mistakes(f"[destinations.web.stow]\n{table}\n")
    assert why in found
    assert "sesame" not in found


def test_the_files_of_a_dicomweb_server_are_found_beside_the_configuration():
    """Relative paths are taken from config.toml, as all others are."""
    text = '[destinations.web.stow]\nurl = "https://pacs/dw"\nsecret_file = "token"\nca = "ca.pem"\n'
    stow = parse(text, at="config.toml", base=Path("/etc/radnode")).destinations["web"].stow
    assert (stow.secret_file, stow.ca) == (Path("/etc/radnode/token"), Path("/etc/radnode/ca.pem"))
