"""Constants of how Google Cloud sells machines. Imports no SDK."""

RESERVATION_KEY = "compute.googleapis.com/reservation-name"
FLEX_START_SECONDS = "604800s"
"""Seven days, the longest that flex-start gives a machine for."""
