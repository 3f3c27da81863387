"""Make the welcome page's moving picture: `python book/moving_picture.py`, about ten minutes.

The picture shows the paper's tracker on the whole bundled film. It has every third frame. A still
image is made too, for readers who want no motion.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from rltrack import synthetic, track
from rltrack.plots.moving_picture import panel, save_moving_picture
from rltrack.video.tracks import Step

IMAGES = Path(__file__).resolve().parent / "images"
STILL = 12  # index of the picture that becomes the still image


def main() -> None:
    """Track the film, draw the pictures, and save them."""
    pictures = []

    def draw(step: Step) -> None:
        if step.index % 3 == 0 and step.image is not None:
            box = step.result.box
            attention, _ = step.tracker.attention(step.image, box)
            extent = step.tracker.crop_extent(box)
            label = f"frame {step.index}"
            pictures.append(panel(step.image, step.result, attention, extent, label=label))

    track(synthetic(), config="paper", on_frame=draw)
    save_moving_picture(pictures, IMAGES / "tracking.webp", fps=8)
    Image.fromarray(pictures[STILL]).save(IMAGES / "tracking.jpg", quality=80)


if __name__ == "__main__":
    main()
