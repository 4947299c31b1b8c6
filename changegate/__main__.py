"""`python -P -m changegate`: for where the console script is not on the path. -P keeps a `json.py` in the current directory from being imported."""

from changegate.cli import main

if __name__ == "__main__":
    main()
