"""The OTB sequences as the benchmark uses them: targets, frame ranges, sets.

One line of the table is one target of OTB-2015 (Wu, Lim and Yang, "Object Tracking Benchmark",
TPAMI 2015): its name, the numbers of its first and last frame, and the sets it belongs to
besides OTB-2015. OTB-2013 is the CVPR 2013 set of 51 targets, OTB-50 the 50 hard targets that the
2015 paper picked. A folder may hold more images than the benchmark uses (David starts at frame
300, Football1 stops at frame 74), and Tiger1 is tracked from frame 6 although its ground truth
starts at frame 1: trackers that miss this compare shifted boxes.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rltrack.errors import InputError

# dev14, dev18 (dev14 and four more), quick5 and rest13 (dev18 without quick5) are this project's
# own choices, for experiments that need not run everything.
SETS = ("otb2013", "otb50", "otb2015", "dev14", "dev18", "quick5", "rest13")

_TABLE = """
# target    first last  sets
Basketball      1  725  otb2013 otb50
Biker           1  142  otb50
Bird1           1  408  otb50
Bird2           1   99
BlurBody        1  334  otb50
BlurCar1      247  988
BlurCar2        1  585  otb50
BlurCar3        3  359
BlurCar4       18  397
BlurFace        1  493  otb50
BlurOwl         1  631  otb50
Board           1  698
Bolt            1  350  otb2013 otb50
Bolt2           1  293
Box             1 1161  otb50
Boy             1  602  otb2013
Car1            1 1020  otb50
Car2            1  913
Car24           1 3059
Car4            1  659  otb2013 otb50 dev14
CarDark         1  393  otb2013 otb50
CarScale        1  252  otb2013 otb50
ClifBar         1  472  otb50
Coke            1  291  otb2013
Couple          1  140  otb2013 otb50 dev14 quick5
Coupon          1  327
Crossing        1  120  otb2013 dev14 quick5
Crowds          1  347  otb50
Dancer          1  225
Dancer2         1  150
David         300  770  otb2013 otb50 dev14
David2          1  537  otb2013
David3          1  252  otb2013
Deer            1   71  otb2013 otb50 dev14 quick5
Diving          1  215  otb50
Dog             1  127  dev18
Dog1            1 1350  otb2013
Doll            1 3872  otb2013
DragonBaby      1  113  otb50 dev18
Dudek           1 1145  otb2013 otb50
FaceOcc1        1  892  otb2013 dev14
FaceOcc2        1  812  otb2013
Fish            1  476  otb2013
FleetFace       1  707  otb2013
Football        1  362  otb2013 otb50 dev14
Football1       1   74  otb2013
Freeman1        1  326  otb2013 dev14
Freeman3        1  460  otb2013
Freeman4        1  283  otb2013 otb50
Girl            1  500  otb2013 otb50 dev14
Girl2           1 1500
Gym             1  767
Human2          1 1128
Human3          1 1698  otb50
Human4          1  667  otb50
Human5          1  713
Human6          1  792  otb50
Human7          1  250  dev18
Human8          1  128
Human9          1  305  otb50
Ironman         1  166  otb2013 otb50
Jogging-1       1  307  otb2013
Jogging-2       1  307  otb2013
Jump            1  122  otb50
Jumping         1  313  otb2013 otb50 dev14
KiteSurf        1   84
Lemming         1 1336  otb2013
Liquor          1 1741  otb2013 otb50
Man             1  134
Matrix          1  100  otb2013 otb50
Mhyang          1 1490  otb2013
MotorRolling    1  164  otb2013 otb50 dev14 quick5
MountainBike    1  228  otb2013
Panda           1 1000  otb50
RedTeam         1 1918  otb50
Rubik           1 1997
Shaking         1  365  otb2013 otb50
Singer1         1  351  otb2013
Singer2         1  366  otb2013 otb50
Skater          1  160
Skater2         1  435
Skating1        1  400  otb2013 otb50
Skating2-1      1  473  otb50
Skating2-2      1  473  otb50
Skiing          1   81  otb2013 otb50 dev14 quick5
Soccer          1  392  otb2013 otb50
Subway          1  175  otb2013
Surfer          1  376  otb50 dev18
Suv             1  945  otb2013
Sylvester       1 1345  otb2013 otb50
Tiger1          6  354  otb2013
Tiger2          1  365  otb2013 otb50
Toy             1  271
Trans           1  124
Trellis         1  569  otb2013 otb50
Twinnings       1  472
Vase            1  271
Walking         1  412  otb2013 otb50
Walking2        1  500  otb2013 otb50 dev14
Woman           1  597  otb2013 otb50 dev14
"""

# Where one image folder holds several targets, or the file is named as if it did.
_GROUND_TRUTH_FILE = {
    "Human4": "groundtruth_rect.2.txt",
    "Jogging-1": "groundtruth_rect.1.txt",
    "Jogging-2": "groundtruth_rect.2.txt",
    "Skating2-1": "groundtruth_rect.1.txt",
    "Skating2-2": "groundtruth_rect.2.txt",
}
_GROUND_TRUTH_FIRST = {"Tiger1": 1}
_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp"}


@dataclass(frozen=True)
class Target:
    """One tracked target of OTB.

    Attributes:
        name: Name in the benchmark's results, such as ``"Jogging-2"``.
        folder: Name of the sequence folder, such as ``"Jogging"``.
        first: Number of the first frame used, as in its file name.
        last: Number of the last frame used, inclusive.
        sets: Names of the sets it belongs to, out of `SETS`.
        ground_truth_file: Name of its ground-truth file in the folder.
        ground_truth_first: Frame number of that file's first row.
    """

    name: str
    folder: str
    first: int
    last: int
    sets: frozenset[str]
    ground_truth_file: str
    ground_truth_first: int

    @property
    def frames(self) -> int:
        """Number of frames that are tracked."""
        return self.last - self.first + 1

    @property
    def rows(self) -> int:
        """Number of rows in the ground-truth file; the first `skipped_rows` are not used."""
        return self.last - self.ground_truth_first + 1

    @property
    def skipped_rows(self) -> int:
        """Number of ground-truth rows before the first tracked frame (5 for Tiger1, else 0)."""
        return self.first - self.ground_truth_first


def _parse(line: str) -> Target:
    name, first, last, *sets = line.split()
    member = {"otb2015", *sets}
    if "dev14" in member:
        member.add("dev18")
    if "dev18" in member and "quick5" not in member:
        member.add("rest13")
    return Target(
        name=name,
        folder=name.partition("-")[0],
        first=int(first),
        last=int(last),
        sets=frozenset(member),
        ground_truth_file=_GROUND_TRUTH_FILE.get(name, "groundtruth_rect.txt"),
        ground_truth_first=_GROUND_TRUTH_FIRST.get(name, int(first)),
    )


OTB: dict[str, Target] = {
    target.name: target
    for target in (_parse(line) for line in _TABLE.strip().splitlines() if line[0] != "#")
}


def targets(name: str) -> tuple[Target, ...]:
    """Targets of one set, in the order of the table.

    Args:
        name: One of `SETS`.

    Raises:
        InputError: No set has that name.
    """
    if name not in SETS:
        raise InputError(f"no set of targets is called {name!r}: give one of {', '.join(SETS)}")
    return tuple(target for target in OTB.values() if name in target.sets)


def frame_files(folder: Path) -> dict[int, Path]:
    """Images of a folder by frame number, in ascending order.

    Args:
        folder: Folder of images named by number alone (``0001.jpg``); other files are left out.

    Returns:
        Frame number to path; empty if there is no such folder.
    """
    if not folder.is_dir():
        return {}
    numbered = {
        int(path.stem): path
        for path in folder.iterdir()
        if path.suffix.lower() in _IMAGE_SUFFIXES and re.fullmatch(r"[0-9]+", path.stem)
    }
    return dict(sorted(numbered.items()))


def count_rows(path: Path, columns: Collection[int] = (4,)) -> int:
    """Number of rows in a ground-truth file, each checked to be numbers.

    Args:
        path: Text file, a row per line, separated by commas, tabs or spaces.
        columns: How many numbers a row may have.

    Raises:
        ValueError: The file is missing, or a row is not as many numbers as it should be.
    """
    if not path.is_file():
        raise ValueError(f"{path.name} is missing")
    rows = path.read_text(encoding="utf-8-sig", errors="replace").rstrip().splitlines()
    for number, row in enumerate(rows, start=1):
        try:
            values = [float(text) for text in re.split(r"[,\s]+", row.strip().strip(","))]
        except ValueError:
            values = []
        if len(values) not in columns:
            wanted = " or ".join(map(str, columns))
            raise ValueError(f"{path.name} line {number} is not {wanted} numbers: {row[:60]!r}")
    return len(rows)


def check_sequence(folder: Path, target: Target) -> None:
    """Check a sequence folder against the table: every frame used, and every row of ground truth.

    Args:
        folder: Folder with ``img/`` and the target's ground-truth file.
        target: What the folder should hold.

    Raises:
        ValueError: What is missing or left over, and how much.
    """
    wanted = range(target.first, target.last + 1)
    present = frame_files(folder / "img")
    missing = [number for number in wanted if number not in present]
    if missing:
        raise ValueError(
            f"img holds {target.frames - len(missing)} of the {target.frames} frames "
            f"{target.first}-{target.last} of {target.name} (the first missing is {missing[0]})"
        )
    rows = count_rows(folder / target.ground_truth_file)
    if rows != target.rows:
        raise ValueError(
            f"{target.ground_truth_file} has {rows} rows and should have {target.rows}"
        )
