"""Stack files: one for each environment, what they may say, and the rules they must keep together."""
