"""The elasticity drill: traffic against a deployed stack, real controllers, and a verdict."""
