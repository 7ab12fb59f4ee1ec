"""The crypto accelerator in hardware: what finds, builds and drives the RTL in `rtl/`."""
