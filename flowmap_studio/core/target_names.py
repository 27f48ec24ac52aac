"""Names of the shipped targets with a line each. Torch-free, for lists and menus."""

from collections.abc import Mapping

TARGETS: Mapping[str, str] = {
    "moons": "two half moons that reach into each other",
    "checkerboard": "8 squares of a 4 × 4 board: sharp edges, a hard one",
    "8gaussians": "eight Gaussians on a circle: separate modes",
    "spiral": "two arms winding round the centre",
    "rings": "three concentric circles",
    "pinwheel": "five twisted blades",
    "swissroll": "one long rolled-up arm",
    "s_curve": "the letter S",
    "gaussian": "one correlated Gaussian, solved in closed form",
}
"""In the order of lists."""
FILES = "a point file (.npy .csv .txt: one row per point) or a picture (.png .jpg: dark is likely)"
"""What else can be a target."""
