"""Benchmarks that print figures, remade by one command. No Qt."""
