"""Widgets: numpy arrays in, the user's intents out as signals; no torch, no threads."""
