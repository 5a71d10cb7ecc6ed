"""The attack on gluonblocks: hostile files, kills, full disks and command lines, and what held."""
