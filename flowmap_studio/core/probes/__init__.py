"""What a trained map tells besides samples: data units outside, normalised units inside."""

from flowmap_studio.core.probes.density import LogDensity, log_density
from flowmap_studio.core.probes.inverse import Inverse, invert
from flowmap_studio.core.probes.jacobian import AreaChange, area_change, fold_share
from flowmap_studio.core.probes.paths import Trajectories, path_energy, trajectories
from flowmap_studio.core.probes.residual import semigroup_residual
from flowmap_studio.core.probes.velocity import map_velocity

__all__ = [
    "AreaChange",
    "Inverse",
    "LogDensity",
    "Trajectories",
    "area_change",
    "fold_share",
    "invert",
    "log_density",
    "map_velocity",
    "path_energy",
    "semigroup_residual",
    "trajectories",
]
