"""Documents and questions for the benchmarks: made up, alike in shape to prose, the same on every machine.

Words are syllables; how often each occurs follows Zipf's law, with the commonest English words in front, so that
stemming, stop words, long and short posting lists all cost what they cost in life.
"""

import itertools
import random

COMMON = ("the of and to in is for on with as that it by are from at an be this or which was not have can will "
          "has its all when may were more must each one their use than into other only").split()
SYLLABLES = ("con ter re ma sta ver ti lo per di en su pra no gle tion ment al ing cor por fi na se ro tu val "
             "der pli gra").split()
VOCABULARY = 20_000
WORDS_A_PARAGRAPH = 95  # about 650 characters


def vocabulary():
    made = ["".join(parts) for length in (2, 3) for parts in itertools.product(SYLLABLES, repeat=length)]
    random.Random(11).shuffle(made)
    return list(COMMON) + made[:VOCABULARY - len(COMMON)]


class Writer:
    """Writes texts one after the other; the same seed writes the same texts."""

    def __init__(self, seed=7):
        self.random = random.Random(seed)
        self.words = vocabulary()
        self.weights = list(itertools.accumulate(1.0 / (rank + 3) for rank in range(len(self.words))))

    def take(self, count):
        return self.random.choices(self.words, cum_weights=self.weights, k=count)

    def paragraph(self):
        words = self.take(WORDS_A_PARAGRAPH)
        for end in range(12, len(words), 13):
            words[end] += "."
        return " ".join(words).capitalize() + "."

    def document(self, paragraphs):
        return "\n\n".join(self.paragraph() for _ in range(paragraphs))

    def document_of(self, size):
        """A document of about `size` characters, ending with a whole paragraph."""
        made, length = [], 0
        while length < size:
            made.append(self.paragraph()[:max(size - length, 80)])
            length += len(made[-1]) + 2
        return "\n\n".join(made)

    def question(self):
        """What people type: a few common words, four to seven rarer ones."""
        rare = [word for word in self.take(40) if word not in COMMON][:self.random.randint(4, 7)]
        return "What is the " + " ".join(rare) + "?"
