"""Measurements, run by hand and by CI; never asserted in timed tests."""
