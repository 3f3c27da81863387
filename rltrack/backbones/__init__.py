"""The fixed layers that turn crops into features, and their weights.

This folder has the interface of a backbone, one family of backbones (VGG-M), the products with the
Jacobian of a backbone, and the functions that load weights by name or from a file. Nothing here
depends on bounding boxes, samples, videos or the classifier.
"""
