"""A backbone trained without photographs: rendered scenes, and what conv1-3 learn from them.

The tracker does not need this room; `data_scripts/train_backbone.py` and chapter 9 do.
"""
