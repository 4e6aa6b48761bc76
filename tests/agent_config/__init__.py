"""Tests of the configuration files of agents."""
