"""`python -P -m changegate`, where the console script is not on the path. -P keeps Python from importing a `json.py` that lies in the current directory."""

from changegate.cli import main

if __name__ == "__main__":
    main()
