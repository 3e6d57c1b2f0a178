"""``python -m agent`` is ``ipsec-agent``."""

from agent.app.cli import main

if __name__ == "__main__":
    main()
