"""``python -m app`` is ``optimscope``."""

from app.cli import main

main(prog_name="optimscope")
