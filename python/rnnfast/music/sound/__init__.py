"""From a score to sound: a small synthesiser, a SoundFont player, WAV files."""
