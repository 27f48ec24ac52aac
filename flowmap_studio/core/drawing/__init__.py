"""The stage drawn without a window, as pixels, vectors and films. No Qt, no torch."""
