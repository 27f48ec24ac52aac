"""Commands for the developers: shipped presets and screenshots."""
