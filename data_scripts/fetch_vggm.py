"""Fetch VGG-M's conv1-3 and convert them for the backbone `vggm`.

If the whole model, imagenet-vgg-m.mat, lies in the folder, that is converted and nothing fetched.
"""

from __future__ import annotations

import sys

from _run import parser, run

if __name__ == "__main__":
    options = parser(__doc__ or "", where="weights/ in the cache folder").parse_args()
    sys.exit(run("vggm", options.dest))
