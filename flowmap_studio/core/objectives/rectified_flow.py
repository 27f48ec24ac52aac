"""Rectified flow (Liu et al. 2022): flow matching again, on the pairs of its own ODE.

The loss is flow matching's. What differs are the pairs, which `core.run` draws from the velocity
of the stage before: (x0, ODE solution from x0). Each such reflow makes the paths straighter.
"""

from flowmap_studio.core.objectives.flow_matching import by_hand, loss

__all__ = ["by_hand", "loss"]
