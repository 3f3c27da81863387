"""Run notebooks as Colab opens them: `python tests/colab/notebooks.py NAME...`; `make test-colab`.

The Python that runs this has what Colab has installed, see `.github/colab.txt`, and nothing of this
project. Each notebook gets an environment of its own on top of it, which is all that its first cell
can install into. The repository is this one, at its last commit: what is not committed is not
tested.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A kernel of Colab has this module before the first cell runs.
STARTUP = """\
import sys
import types

sys.modules["google.colab"] = types.ModuleType("google.colab")
"""

# Runs in the notebook's own environment.
EXECUTE = """\
import sys

import nbclient
import nbformat

path = sys.argv[1]
notebook = nbformat.read(path, as_version=4)
nbclient.NotebookClient(notebook, timeout=1200, kernel_name="python3").execute(cwd=sys.argv[2])
nbformat.write(notebook, path)
"""


def environment(folder: Path) -> Path:
    """Make an environment that has what this Python has, but not in its own folder."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.check_output([python, "-c", ask], text=True).strip()
    (Path(own) / "colab.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


def installed(python: Path) -> set[str]:
    """The names of the packages in an environment's own folder."""
    folder = next(python.parents[1].glob("lib/python*/site-packages"))
    found = distributions(path=[str(folder)])
    return {one.metadata["Name"].lower() for one in found} - {"pip", "setuptools"}


def run(name: str, commit: str, folder: Path) -> tuple[str, set[str]]:
    """Run one notebook; return what its first cell printed last, and what this cell installed.

    Raises:
        subprocess.CalledProcessError: a cell failed. Its error was printed.
    """
    sys.path.insert(0, str(ROOT / "book"))
    import stamp

    stored = json.loads((ROOT / "book" / f"{name}.ipynb").read_text(encoding="utf-8"))
    for cell in stored["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    path = folder / f"{name}.ipynb"
    stamp.write(stamp.stamped(stored, str(ROOT), commit, folder=str(folder)), path)
    profile = folder / "ipython"
    (profile / "profile_default" / "startup").mkdir(parents=True)
    (profile / "profile_default" / "startup" / "colab.py").write_text(STARTUP, encoding="utf-8")

    python = environment(folder / "venv")
    quiet = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}  # no warnings of the kernel's debugger
    kernels = {"JUPYTER_PATH": str(folder / "venv" / "share" / "jupyter")}
    environ = {**os.environ, "IPYTHONDIR": str(profile), **kernels, **quiet}
    for variable in ("PYTHONPATH", "VIRTUAL_ENV", "RLTRACK_DATA"):
        environ.pop(variable, None)
    kernel = [python, "-m", "ipykernel", "install", "--sys-prefix"]
    subprocess.run(kernel, check=True, env=environ, stdout=subprocess.DEVNULL)
    subprocess.run([python, "-c", EXECUTE, path, folder], check=True, env=environ)

    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    first = next(cell for cell in cells if cell["cell_type"] == "code")
    printed = "".join(
        "".join(out["text"]) for out in first["outputs"] if out["output_type"] == "stream"
    )
    return printed.strip().splitlines()[-1], installed(python)


def main(names: list[str]) -> None:
    """Run notebooks, and end with status 1 if one failed or replaced a package of Colab."""
    colab = {one.metadata["Name"].lower() for one in distributions()}
    if "rltrack" in colab:
        sys.exit(f"error: {sys.executable} has rltrack itself, so the test would show nothing")
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=ROOT, text=True).strip()
    troubles = []
    for name in names:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            try:
                line, added = run(name, commit, Path(folder))
            except subprocess.CalledProcessError as error:
                troubles.append(f"{name} failed, status {error.returncode}")
                continue
        print(f"{name}: run in {time.perf_counter() - start:.0f} s", flush=True)
        print(f"  its first cell says: {line}")
        print(f"  installed: {', '.join(sorted(added))}")
        if replaced := sorted(added & (colab - {"pip", "setuptools"})):
            troubles.append(f"{name} replaced Colab's {', '.join(replaced)}")
        if "rltrack" not in added:
            troubles.append(f"{name} ran without an installed rltrack")
    if troubles:
        sys.exit("error: " + "; ".join(troubles))


if __name__ == "__main__":
    main(sys.argv[1:])
