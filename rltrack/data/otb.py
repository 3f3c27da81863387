"""The OTB sequences as the benchmark uses them: targets, frame ranges, attributes, sets.

One line of the table is one target of OTB-2015 (Wu, Lim and Yang, "Object Tracking Benchmark",
TPAMI 2015): its name, the numbers of its first and last frame, its attributes (what makes it hard;
the targets of one sequence share them), and the sets it belongs to besides OTB-2015. OTB-2013 is
the CVPR 2013 set of 51 targets, OTB-50 the 50 hard targets that the 2015 paper picked. A folder
may hold more images than the benchmark uses (David starts at frame 300, Football1 stops at frame
74), and Tiger1 is tracked from frame 6 although its ground truth starts at frame 1: trackers that
miss this compare shifted boxes.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rltrack.errors import InputError

__all__ = [
    "ATTRIBUTES",
    "OTB",
    "SETS",
    "Target",
    "check_sequence",
    "count_rows",
    "numbered_frames",
    "targets",
]

# dev14, dev18 (dev14 and four more), quick5 and rest13 (dev18 without quick5) are this project's
# own choices, for experiments that need not run everything.
SETS = ("otb2013", "otb50", "otb2015", "dev14", "dev18", "quick5", "rest13")

ATTRIBUTES = {
    "IV": "illumination variation",
    "SV": "scale variation",
    "OCC": "occlusion",
    "DEF": "deformation",
    "MB": "motion blur",
    "FM": "fast motion",
    "IPR": "in-plane rotation",
    "OPR": "out-of-plane rotation",
    "OV": "out of view",
    "BC": "background clutter",
    "LR": "low resolution",
}

_TABLE = """
# target    first last  attributes                     sets
Basketball      1  725  IV,OCC,DEF,OPR,BC              otb2013 otb50
Biker           1  142  SV,OCC,MB,FM,OPR,OV,LR         otb50
Bird1           1  408  DEF,FM,OV                      otb50
Bird2           1   99  OCC,DEF,FM,IPR,OPR
BlurBody        1  334  SV,DEF,MB,FM,IPR               otb50
BlurCar1      247  988  MB,FM
BlurCar2        1  585  SV,MB,FM                       otb50
BlurCar3        3  359  MB,FM
BlurCar4       18  397  MB,FM
BlurFace        1  493  MB,FM,IPR                      otb50
BlurOwl         1  631  SV,MB,FM,IPR                   otb50
Board           1  698  SV,MB,FM,OPR,OV,BC
Bolt            1  350  OCC,DEF,IPR,OPR                otb2013 otb50
Bolt2           1  293  DEF,BC
Box             1 1161  IV,SV,OCC,MB,IPR,OPR,OV,BC     otb50
Boy             1  602  SV,MB,FM,IPR,OPR               otb2013
Car1            1 1020  IV,SV,BC,LR                    otb50
Car2            1  913  IV,BC
Car24           1 3059  IV,SV,BC
Car4            1  659  IV,SV                          otb2013 otb50 dev14
CarDark         1  393  IV,BC                          otb2013 otb50
CarScale        1  252  SV,OCC,FM,IPR,OPR              otb2013 otb50
ClifBar         1  472  SV,OCC,MB,FM,IPR,OV,BC         otb50
Coke            1  291  IV,OCC,FM,IPR,OPR              otb2013
Couple          1  140  SV,DEF,FM,OPR,BC               otb2013 otb50 dev14 quick5
Coupon          1  327  OCC,BC
Crossing        1  120  SV,DEF,BC                      otb2013 dev14 quick5
Crowds          1  347  IV,DEF,BC                      otb50
Dancer          1  225  SV,DEF,IPR,OPR
Dancer2         1  150  DEF
David         300  770  IV,SV,OCC,DEF,MB,IPR,OPR       otb2013 otb50 dev14
David2          1  537  IPR,OPR                        otb2013
David3          1  252  OCC,DEF,OPR,BC                 otb2013
Deer            1   71  MB,FM,IPR,BC                   otb2013 otb50 dev14 quick5
Diving          1  215  SV,DEF,IPR                     otb50
Dog             1  127  SV,DEF,OPR                     dev18
Dog1            1 1350  SV,IPR,OPR                     otb2013
Doll            1 3872  IV,SV,OCC,IPR,OPR              otb2013
DragonBaby      1  113  SV,OCC,MB,FM,IPR,OPR,OV        otb50 dev18
Dudek           1 1145  SV,OCC,DEF,FM,IPR,OPR,OV,BC    otb2013 otb50
FaceOcc1        1  892  OCC                            otb2013 dev14
FaceOcc2        1  812  IV,OCC,IPR,OPR                 otb2013
Fish            1  476  IV                             otb2013
FleetFace       1  707  SV,DEF,MB,FM,IPR,OPR           otb2013
Football        1  362  OCC,IPR,OPR,BC                 otb2013 otb50 dev14
Football1       1   74  IPR,OPR,BC                     otb2013
Freeman1        1  326  SV,IPR,OPR                     otb2013 dev14
Freeman3        1  460  SV,IPR,OPR,LR                  otb2013
Freeman4        1  283  SV,OCC,IPR,OPR,LR              otb2013 otb50
Girl            1  500  SV,OCC,IPR,OPR                 otb2013 otb50 dev14
Girl2           1 1500  SV,OCC,DEF,MB,OPR
Gym             1  767  SV,DEF,IPR,OPR
Human2          1 1128  IV,SV,MB,OPR
Human3          1 1698  SV,OCC,DEF,OPR,BC              otb50
Human4          1  667  IV,SV,OCC,DEF                  otb50
Human5          1  713  SV,OCC,DEF
Human6          1  792  SV,OCC,DEF,FM,OPR,OV           otb50
Human7          1  250  IV,SV,OCC,DEF,MB,FM            dev18
Human8          1  128  IV,SV,DEF
Human9          1  305  IV,SV,DEF,MB,FM                otb50
Ironman         1  166  IV,SV,OCC,MB,FM,IPR,OPR,OV,BC  otb2013 otb50
Jogging-1       1  307  OCC,DEF,OPR                    otb2013
Jogging-2       1  307  OCC,DEF,OPR                    otb2013
Jump            1  122  SV,OCC,DEF,MB,IPR,OPR          otb50
Jumping         1  313  MB,FM                          otb2013 otb50 dev14
KiteSurf        1   84  IV,OCC,IPR,OPR
Lemming         1 1336  IV,SV,OCC,FM,OPR,OV            otb2013
Liquor          1 1741  IV,SV,OCC,MB,FM,OPR,OV,BC      otb2013 otb50
Man             1  134  IV
Matrix          1  100  IV,SV,OCC,FM,IPR,OPR,BC        otb2013 otb50
Mhyang          1 1490  IV,DEF,OPR,BC                  otb2013
MotorRolling    1  164  IV,SV,MB,FM,IPR,BC             otb2013 otb50 dev14 quick5
MountainBike    1  228  IPR,OPR,BC                     otb2013
Panda           1 1000  SV,OCC,DEF,IPR,OPR,OV,LR       otb50
RedTeam         1 1918  SV,OCC,IPR,OPR,LR              otb50
Rubik           1 1997  SV,OCC,IPR,OPR
Shaking         1  365  IV,SV,IPR,OPR,BC               otb2013 otb50
Singer1         1  351  IV,SV,OCC,OPR                  otb2013
Singer2         1  366  IV,DEF,IPR,OPR,BC              otb2013 otb50
Skater          1  160  SV,DEF,IPR,OPR
Skater2         1  435  SV,DEF,FM,IPR,OPR
Skating1        1  400  IV,SV,OCC,DEF,OPR,BC           otb2013 otb50
Skating2-1      1  473  SV,OCC,DEF,FM,OPR              otb50
Skating2-2      1  473  SV,OCC,DEF,FM,OPR              otb50
Skiing          1   81  IV,SV,DEF,IPR,OPR,LR           otb2013 otb50 dev14 quick5
Soccer          1  392  IV,SV,OCC,MB,FM,IPR,OPR,BC     otb2013 otb50
Subway          1  175  OCC,DEF,BC                     otb2013
Surfer          1  376  SV,FM,IPR,OPR,LR               otb50 dev18
Suv             1  945  OCC,IPR,OV                     otb2013
Sylvester       1 1345  IV,IPR,OPR                     otb2013 otb50
Tiger1          6  354  IV,OCC,DEF,MB,FM,IPR,OPR       otb2013
Tiger2          1  365  IV,OCC,DEF,MB,FM,IPR,OPR,OV    otb2013 otb50
Toy             1  271  SV,FM,IPR,OPR
Trans           1  124  IV,SV,OCC,DEF
Trellis         1  569  IV,SV,IPR,OPR,BC               otb2013 otb50
Twinnings       1  472  SV,OPR
Vase            1  271  SV,FM,IPR
Walking         1  412  SV,OCC,DEF                     otb2013 otb50
Walking2        1  500  SV,OCC,LR                      otb2013 otb50 dev14
Woman           1  597  IV,SV,OCC,DEF,MB,FM,OPR        otb2013 otb50 dev14
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
        attributes: Keys of `ATTRIBUTES`, in its order.
    """

    name: str
    folder: str
    first: int
    last: int
    sets: frozenset[str]
    ground_truth_file: str
    ground_truth_first: int
    attributes: tuple[str, ...] = ()

    @property
    def number(self) -> int | None:
        """That of its ground-truth file, ``groundtruth_rect.2.txt``; None if that has none."""
        number = self.ground_truth_file.split(".")[1]
        return int(number) if number.isdecimal() else None

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
    name, first, last, attributes, *sets = line.split()
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
        attributes=tuple(attributes.split(",")),
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


def numbered_frames(folder: Path) -> dict[int, Path]:
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
    present = numbered_frames(folder / "img")
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
