"""How an improvisation is played: drawing bars, placing pitches, accompaniment, dynamics."""
