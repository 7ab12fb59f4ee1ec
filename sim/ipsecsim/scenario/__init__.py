"""Scenarios: a topology, configurations, a timeline and expectations, read from YAML and run."""
