"""What ``fleet plan`` knows before anything exists. Touches no network and no cluster."""
