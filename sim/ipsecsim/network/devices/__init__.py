"""A router's two devices, as a simulated network sees them: frames in and out, and a transport."""
