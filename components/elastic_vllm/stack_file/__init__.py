"""Stack files: read, checked, and handed to the program as one ``StackConfig``."""
