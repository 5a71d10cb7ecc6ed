"""Attack gluonblocks with kills, full disks, damaged files and lost machines: scripts/attack.py."""
