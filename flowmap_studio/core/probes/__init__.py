"""What a trained map tells besides samples: data units outside, normalised units inside."""

from flowmap_studio.core.probes.carried import (
    CarriedVelocity,
    carried_velocity,
    source_lattice,
)
from flowmap_studio.core.probes.density import LogDensity, log_density, source_log_density
from flowmap_studio.core.probes.inverse import Inverse, invert
from flowmap_studio.core.probes.jacobian import AreaChange, area_change, fold_share
from flowmap_studio.core.probes.paths import Trajectories, path_energy, trajectories
from flowmap_studio.core.probes.residual import semigroup_gaps, semigroup_residual
from flowmap_studio.core.probes.velocity import map_velocity

__all__ = [
    "AreaChange",
    "CarriedVelocity",
    "Inverse",
    "LogDensity",
    "Trajectories",
    "area_change",
    "carried_velocity",
    "fold_share",
    "invert",
    "log_density",
    "map_velocity",
    "path_energy",
    "semigroup_gaps",
    "semigroup_residual",
    "source_lattice",
    "source_log_density",
    "trajectories",
]
