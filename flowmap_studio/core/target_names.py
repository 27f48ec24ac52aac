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
"""Of the plane, in the order of lists."""
IMAGES: Mapping[str, str] = {
    "digits": "1,797 handwritten digits of 8 × 8 pixels, with classes 0 to 9",
}
"""Sets of images that come with the program."""
NAMED: Mapping[str, str] = {**TARGETS, **IMAGES}
"""All that have names."""
FILES = (
    "a point file (.npy .csv .txt: one row per point), a picture (.png .jpg: dark is likely) or "
    "images (a folder of pictures, .npz, or MNIST's idx3-ubyte files)"
)
"""What else can be a target."""
CLASSES: Mapping[str, tuple[str, ...]] = {
    "moons": ("upper", "lower"),
    "checkerboard": tuple(f"square {i + 1}" for i in range(8)),
    "8gaussians": ("E", "NE", "N", "NW", "W", "SW", "S", "SE"),
    "spiral": ("first arm", "second arm"),
    "rings": ("inner", "middle", "outer"),
    "pinwheel": tuple(f"blade {i + 1}" for i in range(5)),
}
"""Names of the parts of targets that have some, by target: what a conditional map is told."""
