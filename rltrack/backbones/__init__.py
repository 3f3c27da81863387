"""The fixed layers that turn crops into features, and their weights.

Here are the interface, its families (VGG-M), the products with their Jacobians, and weights by name
or file. Nothing here knows of boxes, samples, videos or the classifier.
"""
