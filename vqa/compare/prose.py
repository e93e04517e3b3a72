"""What the report says in words: why methods differ, and what has been published."""

from __future__ import annotations

# Fusion -> why it comes out where it does.
WHY = {
    "concat": "it gets the mean of all regions. A mean says how much red and how many cubes a "
    "scene holds, but no longer which object is red *and* a cube, or where it stands; so "
    "relations can only be guessed from what is common in such scenes.",
    "stacked_attention": "its glimpses can pick objects by what the question says, so that a "
    "question about one object reads that object's features and no other's. But a glimpse hands on "
    "a weighted mean: how many objects it held is lost, which counting needs, and two glimpses are "
    "too few for programs of three to five steps. They are also slow to learn where region and "
    "question are added, as published, so that a match must be pieced together; `match` "
    '"product" multiplies them too.',
    "film": "the question switches channels of every region, so regions are filtered rather than "
    "averaged, and what passes is told to all regions. But nothing shows it which objects to pass: "
    "from answers alone a network first learns what is common in such scenes, and lingers there "
    "long before it finds out what to select. The published one saw CLEVR's 700,000 questions "
    "dozens of times.",
    "mac": "each step attends to words and selects a set of objects, later steps recall earlier "
    "sets and compare places and values with them, and sizes of sets are kept. That is the form "
    "of the questions' programs, so what it learns about a relation in one family serves all.",
}
ANSWERS_ONLY = (
    "the same network as its namesake, but never shown the sets: the distance between the two is "
    "what the sets add within this budget."
)
FAIRNESS = (
    "What is not equal: simulation knows which objects each step of a question is about, and "
    "fusions with attention are shown these sets while they learn (as many as they have steps, the "
    "first and the last among them). Fusions without attention have nothing to show them to, and "
    "learn from answers alone. A budget of time buys quick methods more questions. All use one "
    "learning rate and batch size."
)
# Fusion -> (name in the literature, accuracy on CLEVR in %, source).
PUBLISHED = {
    "concat": ("CNN+LSTM", 52.3, "Johnson et al. 2017"),
    "stacked_attention": ("CNN+LSTM+SA", 76.6, "Santoro et al. 2017, quoted by Perez et al. 2018"),
    "film": ("CNN+GRU+FiLM", 97.7, "Perez et al. 2018"),
    "mac": ("MAC", 98.9, "Hudson & Manning 2018"),
}
DIFFERENCES = (
    "The columns cannot be compared with each other; their order could be, were ours trained until "
    "nothing more was gained. Published: CLEVR's 700,000 training questions, English, from pixels "
    "through networks trained on GPUs for hours to days. Ours: English and Chinese questions with "
    "typos and paraphrases about a simulated world of the same kind, asked about objects as "
    "perception reports them (imagined with its errors, never drawn), minutes of training on a "
    "processor, and set supervision where there is attention, which the published ones did without."
)
LITERATURE = (
    "Johnson et al. 2017: *CLEVR*, CVPR. Santoro et al. 2017: *A simple neural network module for "
    "relational reasoning*, NeurIPS. Kim et al. 2017: *Hadamard product for low-rank bilinear "
    "pooling*, ICLR. Perez et al. 2018: *FiLM*, AAAI. Hudson & Manning 2018: "
    "*Compositional attention networks for machine reasoning*, ICLR. Yang et al. 2016: *Stacked "
    "attention networks for image question answering*, CVPR."
)
