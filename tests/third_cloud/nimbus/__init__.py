"""Nimbus, a cloud that does not exist: the proof of what a third cloud takes. Tests copy this folder."""
