"""The buttons of the book's pages: for which addresses of the repository there are any."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

EXTENSIONS = Path(__file__).resolve().parents[1] / "book" / "_ext"


@pytest.fixture
def buttons(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(EXTENSIONS)
    monkeypatch.delenv("RLTRACK_REPOSITORY", raising=False)
    import buttons

    found: ModuleType = buttons
    return found


def options(buttons: ModuleType, folder: Path) -> dict[str, object]:
    """The theme's options after the extension has set what it sets."""
    config = SimpleNamespace(html_theme_options={"search_bar_text": "Search"})
    buttons.add_buttons(SimpleNamespace(srcdir=folder), config)
    found: dict[str, object] = config.html_theme_options
    return found


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git repository of its own."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/ann/tracker",
        "https://github.com/ann/tracker.git",
        "https://github.com/ann/tracker/",
        "https://ann:secret@github.com/ann/tracker.git",
        "git@github.com:ann/tracker.git",
        "ssh://git@github.com/ann/tracker.git",
    ],
)
def test_addresses_on_github_are_one(buttons: ModuleType, address: str) -> None:
    assert buttons.github_url(address) == "https://github.com/ann/tracker"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "../tracker",
        "https://gitlab.com/ann/tracker",
        "https://example.org/github.com/ann/tracker",
        "https://github.com.example.org/ann/tracker",
        "https://github.com/ann",
    ],
)
def test_other_addresses_are_none(buttons: ModuleType, address: str) -> None:
    assert buttons.github_url(address) is None


def test_remote_gives_the_buttons(buttons: ModuleType, checkout: Path) -> None:
    remote = ["git", "-C", str(checkout), "remote", "add", "origin", "git@github.com:ann/a.b.git"]
    subprocess.run(remote, check=True)
    found = options(buttons, checkout)
    assert found["repository_url"] == "https://github.com/ann/a.b"
    assert found["repository_branch"] == "published"
    assert found["launch_buttons"] == {"colab_url": "https://colab.research.google.com"}
    assert found["search_bar_text"] == "Search"


def test_no_remote_gives_no_buttons(buttons: ModuleType, checkout: Path) -> None:
    assert options(buttons, checkout) == {"search_bar_text": "Search"}


def test_no_repository_and_no_git_give_no_buttons(
    buttons: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert options(buttons, tmp_path) == {"search_bar_text": "Search"}


def test_environment_goes_before_the_remote(
    buttons: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLTRACK_REPOSITORY", "https://github.com/bob/copy")
    assert options(buttons, checkout)["repository_url"] == "https://github.com/bob/copy"
