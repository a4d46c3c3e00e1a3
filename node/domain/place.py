"""Where in the patient a lesion lies, in sentences."""

from __future__ import annotations

from node.domain.findings import Lesion
from node.domain.language import Said, say


def side(lesion: Lesion) -> list[Said]:
    """Which lung holds the lesion; nothing where that was not looked for, or is not plain."""
    if lesion.lung == "left":
        return [say("It lies in the left lung, as the lungs were found on this image.")]
    return [say("It lies in the right lung, as the lungs were found on this image.")] if lesion.lung == "right" else []
