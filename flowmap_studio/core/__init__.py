"""The mathematics and the training of flow maps, without Qt; usable alone as a library.

Nothing is imported here, so that torch is loaded only by the modules that compute with it.
"""
