"""The kinds of input: how one of each is made."""

from __future__ import annotations

from fuzz.archives import Archives
from fuzz.command_lines import CommandLines
from fuzz.ground_truth import GroundTruth
from fuzz.images import Images
from fuzz.kept_files import KeptFiles
from fuzz.kind import Kind
from fuzz.raw_results import RawResults
from fuzz.servers import Servers
from fuzz.videos import Videos
from fuzz.weights import Weights

KINDS: dict[str, Kind] = {
    "command lines": CommandLines(),
    "images": Images(),
    "videos": Videos(),
    "ground truth": GroundTruth(),
    "raw results": RawResults(),
    "kept files": KeptFiles(),
    "weights": Weights(),
    "archives": Archives(),
    "servers": Servers(),
}
"""By name. Each is a row of the table that `make fuzz` prints, and a test of the short run."""
