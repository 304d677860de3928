"""``python -m app`` is ``optimscope``."""

from app.commands.main import main

if __name__ == "__main__":  # processes that compute answers load this module too
    main(prog_name="optimscope")
