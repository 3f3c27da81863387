"""Making a backbone without photographs: rendered scenes, and what conv1-3 learn from them.

In reading order: :mod:`textures` and :mod:`shapes`, of which :mod:`scenes` are made; the crops cut
from them, :mod:`lessons`; what is asked of their features, :mod:`objectives`; :mod:`training`; and
what can be made of weights without it, :mod:`variants`. Everything is a formula of a random
generator and runs on its device. No image is read.
"""
