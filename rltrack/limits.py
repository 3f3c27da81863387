"""How much work one input may ask for: a small file or a slow server can claim anything.

A limit is compared with what a header claims, before anything of that size is made. What goes
beyond a limit is refused, and the message has the limit's name. The functions that read input take
a `Limits`; the command line uses the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_LIMITS", "Limits"]


@dataclass(frozen=True)
class Limits:
    """Upper limits, and one lower limit, of what an input may ask for. All are choices of ours.

    >>> limits = Limits(frame_pixels=2**28)
    >>> source = open_source("satellite", limits=limits)  # doctest: +SKIP

    Attributes:
        frame_pixels: pixels of a frame. The default is 8192 x 8192, twice those of 8K video. As an
            RGB image it has 200 MB.
        frame_bytes: bytes of the file of a single picture. The default is 8 bytes, the most that a
            pixel has, for each of the default `frame_pixels`.
        animation_frames: pictures of an animated image, or pages of a TIFF.
        unpacked_bytes: bytes of everything in an archive.
        unpacked_ratio: how many times larger than the archive its unpacked content may be. Images
            hardly shrink in an archive; text shrinks to about a tenth.
        folder_depth: names in the path of an archive's member.
        download_bytes: bytes of a file that is downloaded.
        download_rate: bytes that have to arrive in a second, on the average over a minute.
    """

    frame_pixels: int = 2**26
    frame_bytes: int = 2**29
    animation_frames: int = 20_000
    unpacked_bytes: int = 2**32
    unpacked_ratio: float = 100.0
    folder_depth: int = 32
    download_bytes: int = 2**32
    download_rate: float = 1000.0

    def excess(self, name: str, value: float) -> str:
        """Return words for a message if ``value`` is above the limit ``name``, else an empty text.

        >>> Limits(frame_pixels=100).excess("frame_pixels", 120)
        '120 is above the limit frame_pixels = 100'
        """
        limit = getattr(self, name)
        return f"{value:.12g} is above the limit {name} = {limit:.12g}" if value > limit else ""


DEFAULT_LIMITS = Limits()
"""The limits where none are given."""
