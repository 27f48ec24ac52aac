"""The probes of the stage: what is asked of a map, and the lines and pictures made of it. No Qt."""
