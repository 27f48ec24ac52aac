"""Layers that lie over the clouds: what the probes of the map look like, traces and groups."""
