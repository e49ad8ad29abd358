"""``python -m realtime_ser``."""

from realtime_ser.cli.main import main

if __name__ == "__main__":
    main()
