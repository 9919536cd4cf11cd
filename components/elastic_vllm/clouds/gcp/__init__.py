"""Google Kubernetes Engine. Imports nothing: what reads this folder's rules and data loads no SDK."""
