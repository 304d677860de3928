-- Speed and progress are counted from the first step that a run told of.
ALTER TABLE runs ADD COLUMN first_step INTEGER;
UPDATE runs SET first_step = (
  SELECT MIN(first_step) FROM (
    SELECT first_step FROM segments WHERE run = runs.key AND rows > 0
    UNION ALL SELECT first_step FROM frames WHERE run = runs.key AND rows > 0
  )
);
