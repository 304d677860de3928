"""``python -m app.http.packing``: packs static files and Plotly once, where an image is built."""

from __future__ import annotations

from app.http.files import Assets

if __name__ == "__main__":
    print(f"packed {Assets().keep_packed()} files")
