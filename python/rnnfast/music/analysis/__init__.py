"""What is in a score: bars, pickup, melody and accompaniment, key, chords, rhythm."""
