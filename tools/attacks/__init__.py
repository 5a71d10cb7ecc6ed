"""The attacks behind `scripts/attack.py`: kills, full disks, damaged files and lost machines."""
