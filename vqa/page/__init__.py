"""The web page: ask a question about a picture, see the answer and where the model looked."""
