"""Runs to take away: tables and scripts."""
