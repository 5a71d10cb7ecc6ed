"""The attacks of scripts/attack.py: killed processes, full disks, damaged files, lost machines."""
