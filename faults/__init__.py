"""Cause faults and measure how the system copes: `make faults`."""
