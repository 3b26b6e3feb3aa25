"""Scaling: any number of accounts with what they have after a year, as fast as PostgreSQL takes rows."""

from gateway.scaling.copying import AlreadyScaled, Scaled, scale
from gateway.scaling.terminal import scale_with_a_bar

__all__ = ["AlreadyScaled", "Scaled", "scale", "scale_with_a_bar"]
