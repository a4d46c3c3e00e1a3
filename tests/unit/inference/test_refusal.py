"""A model that is shipped to say why it gives no number."""

from node.domain.findings import NotEvaluated
from node.inference.package import load_package
from tests.support.packages import refusing


def test_a_refusal_answers_with_its_manifests_reason(tmp_path):
    """Whatever the lesion, the answer is the manifest's text with the code of a refusal by design."""
    package = load_package(refusing(tmp_path))
    answer = package.open()({})
    assert answer == NotEvaluated(code="refusal_by_design", text="imaging holds no signal for this target")
    package.verify()
