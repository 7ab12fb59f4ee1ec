"""A P4Runtime server: entity store, arbitration, service and gRPC adaptor, for any device."""
