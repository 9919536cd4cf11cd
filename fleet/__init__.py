"""Everything a person runs beside ``pulumi up``."""
