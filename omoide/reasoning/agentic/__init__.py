"""The reasoner that asks a language model, whichever the settings name. Loaded when it is first asked."""
