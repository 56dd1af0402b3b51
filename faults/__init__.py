"""Faults on purpose, with figures: `make faults`."""
