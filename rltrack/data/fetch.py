"""Downloading the weights and benchmark sequences that do not come with the package.

A transfer goes to ``<name>.rltrack-part`` and resumes there. A finished file is checked before it
takes its name. An archive is checked before anything in it is written. A sequence folder appears
only when it is complete. A run can therefore be stopped anywhere, and the same call continues from
there.

If the publisher gives a hash, the file must have it. If no hash is known, the archive's own sizes
and checksums are checked, its content is counted (frames, rows of ground truth), and the hash of
what was received is logged and kept in ``received.json``.
"""

from __future__ import annotations

from pathlib import Path

from rltrack.backbones.matconvnet import convert_vggm
from rltrack.cache import cache_dir, data_dir
from rltrack.data.download import Progress, download
from rltrack.data.failures import FetchError
from rltrack.data.otb import targets
from rltrack.data.otb_archives import OTB_MIRROR_URL, OTB_URL, fetch_otb
from rltrack.data.vot_archives import VOT2016_URL, fetch_vot
from rltrack.errors import InputError
from rltrack.files import alone
from rltrack.outputs import checked_folder
from rltrack.paths import given_path

__all__ = ["ASSETS", "fetch"]

ASSETS = ("vggm", "otb2013", "otb2015", "vot2016")

VGGM_URL = "https://raw.githubusercontent.com/hyseob/MDNet/07c0d063d01ef5f59d9371c6aba1f28f4c9a475b/models/"

VGGM_FILE = "imagenet-vgg-m-conv1-3.mat"

VGGM_GIT_BLOB = "0739927c61d48a5ad24107535b42cde2be8a265a"

VGGM_FULL_FILE = "imagenet-vgg-m.mat"  # the whole model; used where a person has put it


def fetch(
    asset: str,
    dest: str | Path | None = None,
    *,
    base_url: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Download an asset, or what is missing of it.

    ``vggm`` is VGG-M's conv1-3 as MatConvNet published them, converted for ``backbone="vggm"``. If
    the whole model, ``imagenet-vgg-m.mat``, was put into the folder by hand, it is used.
    ``otb2013`` and ``otb2015`` become ``<dest>/otb/<Name>/`` with ``img/`` and the ground truth.
    ``vot2016`` becomes ``<dest>/vot/<name>/`` with ``img/%08d.jpg`` and ``groundtruth.txt``.

    Args:
        asset: one of `ASSETS`.
        dest: the folder to put it into. The default is `data_dir`, and for ``vggm`` the folder
            ``weights`` in `cache_dir`. VGG-M's converted form always goes to the latter, where it
            is looked for.
        base_url: download from here and not from the publisher. It ends in a slash.
        progress: told how many bytes have arrived; see `rltrack.cli.fetch.rich_progress`.

    Returns:
        The converted weights, or the folder that holds the sequence folders.

    Raises:
        InputError: there is no such asset, ``dest`` cannot be written to, or another run is at work
            there.
        FetchError: something could not be downloaded or is not what it should be. What was
            downloaded is kept, and the same call continues from there.
        FetchLimitError: something is larger or slower than the limits (`rltrack.limits`) allow.
    """
    if asset not in ASSETS:
        raise InputError(f"cannot fetch {asset!r}: give one of {', '.join(ASSETS)}")
    home = cache_dir() / "weights" if asset == "vggm" else data_dir()
    folder = home if dest is None else given_path(dest, "the folder to put it into")
    if asset != "vggm":
        folder = folder / ("vot" if asset == "vot2016" else "otb")
    checked_folder(folder, "downloads")
    try:
        with alone(folder, "fetch"):
            if asset == "vggm":
                return _fetch_vggm(folder, base_url or VGGM_URL, progress)
            if asset == "vot2016":
                fetch_vot(folder, base_url or VOT2016_URL, progress)
            else:
                bases = [base_url] if base_url else [OTB_URL, OTB_MIRROR_URL]
                fetch_otb(targets(asset), folder, bases, progress)
    except OSError as error:
        raise FetchError(f"cannot write under {folder}: {error}") from error
    return folder


def _fetch_vggm(folder: Path, base_url: str, progress: Progress | None) -> Path:
    path, full = folder / VGGM_FILE, folder / VGGM_FULL_FILE
    if full.is_file() and not path.is_file():
        try:
            return convert_vggm(full)
        except InputError as error:
            raise FetchError(
                f"{full}, put there by hand, cannot be used: {error}; without it, "
                f"{VGGM_FILE} would be fetched"
            ) from error
    # Converted each time: it takes a second, and mends weights that were damaged since.
    return convert_vggm(
        download(base_url + VGGM_FILE, path, git_blob=VGGM_GIT_BLOB, progress=progress)
    )
