"""`python -P -m changegate`, for where the console script isn't on the path. Without -P, Python would import a `json.py` lying in the current directory."""

from changegate.cli import main

if __name__ == "__main__":
    main()
