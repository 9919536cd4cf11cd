"""The offline plan of a stack: resources, findings, cost, forecast and changes."""
