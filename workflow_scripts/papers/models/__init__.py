"""The loss curves of the language models that were trained here."""
