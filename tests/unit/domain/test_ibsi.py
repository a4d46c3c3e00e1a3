"""Which feature may carry an IBSI code."""

import pytest

from node.domain import ibsi


@pytest.mark.parametrize(
    ("feature", "fixed_bins", "expected"),
    [
        ("original_shape_Sphericity", False, "QCFX"),
        ("original_glcm_Id", False, "IB1Z"),
        ("original_glcm_Idn", False, "NDRX"),
        ("original_glcm_Idm", False, "WF0Z"),
        ("original_glcm_Idmn", False, "1QCO"),
        ("original_glszm_LowGrayLevelZoneEmphasis", True, "XMSY"),
        ("original_glszm_LowGrayLevelZoneEmphasis", False, None),
        ("original_firstorder_Kurtosis", True, None),
        ("original_shape_LeastAxisLength", False, "7J51"),
        ("original_glcm_MCC", True, None),
        ("wavelet-LLH_glcm_Contrast", True, None),
        ("log-sigma-1-0-mm-3D_firstorder_Mean", True, None),
    ],
)
def test_code_is_given_only_where_the_definition_is_the_same(feature, fixed_bins, expected):
    """
    The inverse difference family is told apart; what differs, is filtered or is unknown to IBSI has no code.
    """
    assert ibsi.code(feature, fixed_bins=fixed_bins) == expected


def test_every_difference_has_a_reason_in_words():
    """
    No feature is listed as different without saying how.
    """
    assert all(len(difference.reason.split()) > 5 for difference in ibsi.DIFFERENCES.values())
