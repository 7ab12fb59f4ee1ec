"""Live mode: one router in real time on real network interfaces."""
