"""`rltrack info`: versions, devices, backbones, and where files are kept."""

from __future__ import annotations

from rltrack import __version__
from rltrack.cli.printing import show
from rltrack.errors import InputError

__all__ = ["info"]


def info() -> None:
    """Show versions, devices, backbones, and where files are kept."""
    import platform
    from textwrap import shorten

    import cv2
    import numpy as np
    import torch

    from rltrack.backbones.registry import BACKBONES, backbone_card, load_backbone
    from rltrack.cache import cache_dir, data_dir
    from rltrack.hardware import machine

    devices = [f"cpu, {machine('cpu')}, {torch.get_num_threads()} threads"]
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        devices.append(f"cuda:{index}, {card.name}, {card.total_memory / 2**30:.0f} GiB")
    if torch.backends.mps.is_available():
        devices.append("mps (untested)")
    rows = [
        ("rltrack", __version__),
        ("python", f"{platform.python_version()}, {platform.platform()}"),
        ("torch", torch.__version__),
        ("numpy", np.__version__),
        ("opencv", cv2.__version__),
        *[("device", device) for device in devices],
        ("cache", str(cache_dir())),
        ("sequences", str(data_dir())),
    ]
    for name, value in rows:
        show(f"{name:<10} {value}")
    for name in BACKBONES:
        about = backbone_card(name)
        try:
            load_backbone(name)
            state = "ready"
        except InputError as error:
            state = str(error)
        show("", f"backbone {name}: {state}", f"  {about.recipe}", f"  licence: {about.licence}")
        for fact, value in about.facts.items():
            show(f"  {fact}: {shorten(value, 160)}")
