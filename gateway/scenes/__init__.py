"""Scenes: people, workspaces, seats and their history, written as JSON and put into a database in one go."""

from gateway.scenes.form import Scene, SceneInvalid
from gateway.scenes.loading import load
from gateway.scenes.reading import read, read_file

__all__ = ["Scene", "SceneInvalid", "load", "read", "read_file"]
