"""The fixed layers that turn crops into features, and their weights.

This folder has the interface of a backbone, three families of backbones (EfficientNet-Lite0, which
is the default, the paper's VGG-M, and the models of the library timm), the products with the
Jacobian of a backbone, and the functions that load weights by name or from a file. Nothing here
depends on bounding boxes, samples, videos or the classifier.
"""
