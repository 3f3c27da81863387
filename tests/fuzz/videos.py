"""Videos: damaged containers and packets, and lists of files that would open other files."""

from __future__ import annotations

from pathlib import Path
from random import Random

from fuzz import samples
from fuzz.kind import Kind, Made
from fuzz.mutation import damaged

_LISTS = (
    "ffconcat version 1.0\nfile secret.avi\n",
    "ffconcat version 1.0\n#\x01\nfile secret.avi\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.avi\n#EXT-X-ENDLIST\n",
    "#EXTM3U\n#\x01\n#EXTINF:1,\nsecret.avi\n#EXT-X-ENDLIST\n",
    "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "<?xml version='1.0'?><MPD><Period><AdaptationSet><BaseURL>secret.avi</BaseURL>"
    "</AdaptationSet></Period></MPD>",
    "[playlist]\nFile1=secret.avi\n",
    "# mpv EDL v0\nsecret.avi\n",
)
_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".ts", ".webm", ".m3u8", ".ffconcat", ".txt", "")


class Videos(Kind):
    """``rltrack track`` on a file that is, or says that it is, a video."""

    def make(self, rng: Random, place: Path) -> Made:
        refuse = ""
        if rng.random() < 0.1:
            samples.write(place, {"secret.avi": samples.video("mpeg4.avi")})
            content, suffix = rng.choice(_LISTS).encode(), rng.choice(_SUFFIXES)
            at = rng.randrange(len(content))
            if rng.random() < 0.5:
                content = content[:at] + rng.choice((b"\0", b"#\x01\n", b"\n")) + content[at:]
            refuse = "it names another file, which was opened"
        else:
            form = rng.choice(samples.usable_video_forms())
            content, suffix = damaged(rng, samples.video(form)), form[form.index(".") :]
            suffix = rng.choice(_SUFFIXES) if rng.random() < 0.05 else suffix
        samples.write(place, {f"clip{suffix}": content})
        arguments = ["track", f"clip{suffix}", "--box", samples.BOX, *samples.FAST]
        outputs = ["--out", "out/b.csv"] if rng.random() < 0.5 else ["--json", "out/s.json"]
        return Made([*arguments, *outputs], must_refuse=refuse)
