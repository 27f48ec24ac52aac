"""The work of the prober. Imports torch, so the prober imports it in its thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from flowmap_studio.core.drawing.layers import STAGE_POINTS, STAGE_SEED
from flowmap_studio.core.errors import DataError, StudioError
from flowmap_studio.core.guidance import Guide
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.probes import (
    area_change,
    carried_velocity,
    fold_share,
    log_density,
    map_velocity,
    path_energy,
    semigroup_gaps,
    semigroup_residual,
    source_lattice,
    source_log_density,
    trajectories,
)
from flowmap_studio.core.probing.shapes import (
    arrow_lines,
    broken,
    density_heat,
    lattice_heat,
    log_mass_heat,
    parts,
)
from flowmap_studio.core.probing.values import (
    TRACE,
    Heat,
    Lines,
    Paths,
    ProbeAnswer,
    ProbeRequest,
    Residuals,
    Value,
    Wide,
)

REACH = 3.0
"""Standard deviations of the source that lattices span to each side."""
GRID_LINES, GRID_NODES = 21, 61
ARROWS = 21
"""Along each axis."""
PATHS, PATH_TIMES = 64, 41
AREA_NODES, VELOCITY_AREA_NODES = 64, 20
"""Of the lattice of Jacobians; a velocity's cost a hundred times as much."""
MASS_NODES = 96
"""Of the lattice whose mass is carried to make a log-likelihood."""
GAP_NODES = 96
"""Of the lattice of semigroup residuals."""
DENSITY_POINTS = 16384
READING_POINTS = 128
AREA_PART, DENSITY_PART = 1024, 16
"""Points evaluated at once: each has Jacobians in memory."""
RESIDUAL_TIMES = 9
ODE_STEPS = 8
PLANE_ONLY = "This map has {} axes; the layer is made for maps of the plane."
TOO_LONG = "Of a velocity of images it takes minutes; flowmap-studio logprob gives it."
ONE_CLASS = "Choose one class below the stage: each class has a map of its own."


class Probes:
    """Probes of one map.

    Args:
        loaded: The map; nobody else may use it meanwhile.
        stopped: Whether to break off, before the next evaluation of the map, by `Unwanted`: the
            log-density of an image's velocity takes minutes.
    """

    def __init__(self, loaded: LoadedMap, stopped: Callable[[], bool] = lambda: False) -> None:
        self.loaded = loaded
        loaded.give_up_when(stopped)
        self._velocity = loaded.flow_map.clock == "start"
        self._area: tuple[ProbeRequest, Heat] | None = None
        self._makers: Mapping[str, Callable[[ProbeRequest], Value]] = {
            "grid": self._grid,
            "velocity": self._arrows,
            "trajectories": self._paths,
            TRACE: self._trace,
            "area": self._area_heat,
            "likelihood": self._likelihood,
            "density": self._density,
            "semigroup": self._semigroup,
            "folds": self._folds,
            "energy": self._energy,
            "data_likelihood": self._data_likelihood,
            "residual": self._residual,
        }

    def answer(self, request: ProbeRequest, name: str) -> ProbeAnswer:
        """One of a request's probes, or the sentence that says why there is none."""
        try:
            return ProbeAnswer(request, name, self._makers[name](request))
        except StudioError as error:
            return ProbeAnswer(request, name, None, str(error))

    # --- layers -------------------------------------------------------------------------------

    def _grid(self, request: ProbeRequest) -> Lines:
        self._need_plane()
        flat = source_lattice(self.loaded, GRID_NODES, REACH)
        across = flat[:: (GRID_NODES - 1) // (GRID_LINES - 1)]
        up = flat.transpose(1, 0, 2)[:: (GRID_NODES - 1) // (GRID_LINES - 1)]
        lines = np.concatenate([across, up])
        carried = self._carried(lines.reshape(-1, 2), request)
        return broken(carried.reshape(lines.shape))

    def _arrows(self, request: ProbeRequest) -> Lines:
        self._need_plane()
        if self.loaded.flow_map.clock == "elapsed":
            # Only where the map arrives: elsewhere no path of it passes.
            nodes = source_lattice(self.loaded, ARROWS, REACH).reshape(-1, 2)
            found = carried_velocity(self.loaded, nodes, request.t, self._one_class(request, nodes))
            places, velocity = found.places, found.velocity
        else:
            places = self._seen_lattice()
            guide = self._one_class(request, places)
            velocity = map_velocity(self.loaded, places, request.t, guide)
        return arrow_lines(places, velocity, 2 * REACH / (ARROWS - 1) * self._spread())

    def _paths(self, request: ProbeRequest) -> Paths:
        self._need_points()
        points = self.loaded.source(STAGE_POINTS, STAGE_SEED)[:PATHS].astype(np.float64)
        return self._followed(points, 0.0, self._stage_guide(request, np.arange(PATHS)))

    def _trace(self, request: ProbeRequest) -> Paths:
        self._need_points()
        trace = request.trace
        if trace is None:
            raise DataError("Click a point to trace it.")
        if trace.rows:
            guide = self._stage_guide(request, np.array(trace.rows))
        else:
            guide = self._one_class(request, trace.points)
        return self._followed(trace.points, trace.at, guide)

    def _area_heat(self, request: ProbeRequest) -> Heat:
        """The base-2 logarithm of |det ∂X_{0,t}/∂z| at the noise z."""
        self._need_plane()
        if self._area is None or not self._area[0].serves("area", request):
            nodes = VELOCITY_AREA_NODES if self._velocity else AREA_NODES
            lattice = source_lattice(self.loaded, nodes, REACH)
            flat = lattice.reshape(-1, 2)
            found = []
            for some in parts(flat, AREA_PART):
                guide = self._one_class(request, some)
                found.append(area_change(self.loaded, some, 0.0, request.t, guide).determinant)
            determinant = np.concatenate(found).reshape(nodes, nodes)
            with np.errstate(divide="ignore"):
                doubled = np.log2(np.abs(determinant))
            folded = determinant < 0
            self._area = (request, lattice_heat(lattice, doubled, folded))
        return self._area[1]

    def _likelihood(self, request: ProbeRequest) -> Heat:
        """Log p_t of the mean density in each pixel: the noise's mass, carried there.

        Every branch of a fold brings its mass.
        """
        self._need_plane()
        lattice = source_lattice(self.loaded, MASS_NODES, REACH)
        noise = lattice.reshape(-1, 2)
        places = self._carried(noise, request)
        if not np.ptp(places, axis=0).all():
            raise DataError(
                "The map sends all noise to one point or line, where there is no density."
            )
        density = np.exp(source_log_density(self.loaded, noise))
        mass = (density * np.prod(lattice[1, 1] - lattice[0, 0])).reshape(lattice.shape[:2])
        return log_mass_heat(places.reshape(lattice.shape), mass)

    def _density(self, request: ProbeRequest) -> Heat:
        """How densely the map's own samples lie at the request's time, whatever their class."""
        self._need_plane()
        noise = self.loaded.noise(DENSITY_POINTS, STAGE_SEED)
        given = request.label, request.guidance
        guide = self.loaded.guide(len(noise), STAGE_SEED, *given)
        points = self._at(noise, request.t, guide)
        if not np.ptp(points, axis=0).all():
            raise DataError(
                "The map sends all noise to one point or line, where there is no density."
            )
        return density_heat(points)

    def _semigroup(self, request: ProbeRequest) -> Heat:
        """How far two jumps of half the time end from one, at the noise that they start from."""
        self._need_plane()
        self._need_map()
        lattice = source_lattice(self.loaded, GAP_NODES, REACH)
        noise = lattice.reshape(-1, 2)
        gaps = semigroup_gaps(self.loaded, noise, request.t, self._one_class(request, noise))
        return lattice_heat(lattice, gaps.reshape(lattice.shape[:2]))

    # --- readings -----------------------------------------------------------------------------

    def _folds(self, request: ProbeRequest) -> float:
        del request
        share = fold_share(self.loaded)
        if share is None and self._velocity:
            raise DataError("A velocity's flow cannot fold.")
        if share is None:
            raise DataError(
                f"This map has {self.loaded.snapshot.dim} axes: too many for Jacobians."
            )
        return share

    def _energy(self, request: ProbeRequest) -> float:
        points = self.loaded.source(STAGE_POINTS, STAGE_SEED)[:READING_POINTS]
        guide = self._stage_guide(request, np.arange(len(points)))
        return float(path_energy(self.loaded, points, guide=guide).mean())

    def _data_likelihood(self, request: ProbeRequest) -> float:
        snapshot = self.loaded.snapshot
        if self._velocity and snapshot.image is not None:
            raise DataError(TOO_LONG)
        points = snapshot.data
        if request.label is not None and snapshot.labels is not None:
            points = points[snapshot.labels == snapshot.classes.index(request.label)]
        if not len(points):
            raise DataError("The map holds no data of that class.")
        points = points[:: max(1, len(points) // READING_POINTS)][:READING_POINTS]
        given = request.label, request.guidance
        found = [log_density(self.loaded, x, 1.0, *given).nats for x in parts(points, DENSITY_PART)]
        nats = np.concatenate(found)
        if not np.isfinite(nats).any():
            raise DataError("The map reaches none of the data.")
        return float(np.nanmean(nats))

    def _residual(self, request: ProbeRequest) -> Residuals:
        self._need_map()
        times = np.linspace(0, 1, RESIDUAL_TIMES)
        guide = self._stage_guide(request, np.arange(READING_POINTS))
        found = semigroup_residual(self.loaded, times.tolist(), READING_POINTS, guide)
        return Residuals(times, found)

    # --- inside -------------------------------------------------------------------------------

    def _need_plane(self) -> None:
        if self.loaded.snapshot.dim != 2:
            raise DataError(PLANE_ONLY.format(self.loaded.snapshot.dim))

    def _need_points(self) -> None:
        if self.loaded.snapshot.image is not None:
            raise DataError(PLANE_ONLY.format(self.loaded.snapshot.dim))

    def _need_map(self) -> None:
        if self._velocity:
            raise DataError("A velocity's flow composes by itself: it has no semigroup residual.")

    def _one_class(self, request: ProbeRequest, points: Wide) -> Guide | None:
        if self.loaded.snapshot.classes and request.label is None:
            raise DataError(ONE_CLASS)
        return self.loaded.guide(len(points), STAGE_SEED, request.label, request.guidance)

    def _stage_guide(self, request: ProbeRequest, rows: np.ndarray) -> Guide | None:
        """The classes that the stage's noise points of these places have."""
        # The classes of the first points are the same, however many there are.
        count = max(STAGE_POINTS, 1 + int(rows.max(initial=0)))
        guide = self.loaded.guide(count, STAGE_SEED, request.label, request.guidance)
        if guide is None:
            return None
        return Guide(guide.cond[torch.from_numpy(rows.astype(np.int64))], guide.scale)

    def _followed(self, points: Wide, at: float, guide: Guide | None) -> Paths:
        times = np.linspace(0, 1, PATH_TIMES)
        found = trajectories(self.loaded, points, times.tolist(), at, guide)
        return Paths(times, found.positions, found.converged)

    def _carried(self, points: Wide, request: ProbeRequest) -> Wide:
        """(n, 2) where noise (n, 2) in data units is at the request's time, in data units."""
        units = self.loaded.snapshot.normalisation
        noise = torch.from_numpy(units.apply(points.astype(np.float32)))
        return self._at(noise, request.t, self._one_class(request, points))

    def _at(self, noise: torch.Tensor, t: float, guide: Guide | None) -> Wide:
        """(n, 2) where normalised noise (n, 2) is at time t, in data units."""
        steps = ODE_STEPS if self._velocity else 1
        return self.loaded.at(noise, t, steps, guide, "rk4").astype(np.float64)

    def _spread(self) -> float:
        return float(np.mean(self.loaded.snapshot.normalisation.scale))

    def _seen_lattice(self) -> Wide:
        """(ARROWS², 2) over noise and data."""
        noise = source_lattice(self.loaded, 2, REACH).reshape(-1, 2)
        ends = np.concatenate([noise, self.loaded.snapshot.data])
        axes = [np.linspace(a, b, ARROWS) for a, b in zip(ends.min(0), ends.max(0), strict=True)]
        return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
