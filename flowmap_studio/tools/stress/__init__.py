"""The stress command: what the program must stand, measured. See `__main__`."""
