"""Buttons to the repository and to Colab, where there is a repository that they can lead to.

Its address is `RLTRACK_REPOSITORY`, else that of git's remote `origin`. Colab opens notebooks from
github.com alone, so without an address there the pages have no such buttons.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

# Its notebooks install this repository on Colab (`stamp.py`); those of any other branch do not.
BRANCH = "published"


def github_url(address: str) -> str | None:
    """Return `https://github.com/OWNER/NAME` for git's address of it, None for any other.

    >>> github_url("git@github.com:ann/tracker.git")
    'https://github.com/ann/tracker'
    """
    scheme = r"(?:https://(?:[^/@]+@)?|ssh://git@|git@)"
    found = re.fullmatch(rf"{scheme}github\.com[:/]([\w.-]+)/([\w.-]+?)(?:\.git)?/?", address)
    return f"https://github.com/{found[1]}/{found[2]}" if found else None


def repository(folder: Path) -> str | None:
    """Return the address on github.com of the repository that `folder` is in, if there is one."""
    if given := os.environ.get("RLTRACK_REPOSITORY"):
        return github_url(given)
    try:
        asked = subprocess.run(
            ["git", "remote", "get-url", "origin"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:  # no git
        return None
    return github_url(asked.stdout.strip())


def add_buttons(app: Sphinx, config: Config) -> None:
    """Give the theme what it needs for the buttons."""
    if url := repository(Path(app.srcdir)):
        config.html_theme_options |= {
            "repository_url": url,
            "repository_branch": BRANCH,
            "path_to_docs": "book",
            "use_repository_button": True,
            "launch_buttons": {"colab_url": "https://colab.research.google.com"},
        }


def drop_thebe(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Leave out Thebe, which runs cells on a server: no button here starts it.

    Jupyter Book writes its settings into each page twice, which the browser takes for an error.
    """
    context["script_files"] = [
        script
        for script in context["script_files"]
        if "thebe" not in f"{script.filename} {script.attributes.get('body')}".lower()
    ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx, ahead of the theme."""
    app.connect("config-inited", add_buttons, priority=100)
    app.connect("html-page-context", drop_thebe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
