"""The program: command line, settings, state directory, and the wiring of transports, server and device."""
