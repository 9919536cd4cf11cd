"""What brings weights from the hub into a stack's bucket: names, a Job, and the script that it runs."""
