"""What a warm-up is for: a learning rate that is too large for the first steps alone."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Warm-up",
    page="explore",
    order=12,
    view={
        "surface": "quartic",
        "steps": 200,
        "runners": [
            runner("sgd", {"id": "cosine"}, lr=0.8),
            runner("sgd", {"id": "cosine", "warmup_steps": 50}, lr=0.8),
        ],
        "glyphs": ["gradient_part"],
        "charts": ["loss", "sharpness", "schedule", "distance"],
    },
    sentences=(
        "This bowl is steepest where the run starts, and flat at its middle.",
        "Plain descent is stable while the curvature is below 2/η.",
        "Both have the same largest η; the second takes 50 steps to come to it.",
    ),
    question="What becomes of the run without a warm-up?",
    choices=("it is faster", "it diverges", "it ends at the same place"),
    answer=1,
    because="Where it starts the curvature is above 2/η, so each step throws it farther. With a warm-up"
    " it has come to where the bowl is flat by the time that η is large, and ends"
    " {1.distance:number} from the minimum.",
)
