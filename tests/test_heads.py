"""The further heads: the field against brute force, the decoder against itself."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from vqa.models.fusion.contract import Joint
from vqa.models.heads import FURTHER_HEADS, Generator
from vqa.models.heads.crf import LinearChain
from vqa.models.heads.reading_order import ReadingOrder, order_loss, ranks
from vqa.models.image_encoder import Regions
from vqa.models.question_encoder import Words
from vqa.reply_space import END, ReplySpace

LABELS, LENGTH = 3, 4


@pytest.fixture
def chain() -> LinearChain:
    torch.manual_seed(1)
    chain = LinearChain(LABELS).double()
    for weight in chain.parameters():
        torch.nn.init.normal_(weight)
    return chain


@pytest.fixture
def field():
    """Emissions of three rows with 4, 2 and 1 positions."""
    torch.manual_seed(2)
    emissions = torch.randn(3, LENGTH, LABELS, dtype=torch.double) * 2
    mask = torch.arange(LENGTH) < torch.tensor([[4], [2], [1]])
    return emissions, mask


def by_hand(chain: LinearChain, emissions: torch.Tensor, labels: tuple[int, ...]) -> float:
    total = chain.start[labels[0]] + chain.end[labels[-1]]
    total = total + sum(emissions[t, y] for t, y in enumerate(labels))
    return total + sum(chain.transition[a, b] for a, b in zip(labels, labels[1:], strict=False))


def all_scores(chain, emissions, mask, row):
    n = int(mask[row].sum())
    paths = list(product(range(LABELS), repeat=n))
    return paths, torch.stack([by_hand(chain, emissions[row], p) for p in paths])


def test_the_partition_function_sums_over_all_sequences(chain, field):
    emissions, mask = field
    found = chain.log_partition(emissions, mask)
    for row in range(3):
        _, scores = all_scores(chain, emissions, mask, row)
        assert found[row].item() == pytest.approx(torch.logsumexp(scores, 0).item())


def test_the_likelihood_is_that_of_brute_force_and_so_is_its_gradient(chain, field):
    emissions, mask = field
    labels = torch.tensor([[2, 0, 1, 1], [1, 2, 0, 0], [0, 0, 0, 0]])
    loss = chain.loss(emissions, labels, mask)
    for row in range(3):
        paths, scores = all_scores(chain, emissions, mask, row)
        path = tuple(labels[row, : int(mask[row].sum())].tolist())
        true = torch.logsumexp(scores, 0) - scores[paths.index(path)]
        assert loss[row].item() == pytest.approx(true.item())
        ours = torch.autograd.grad(loss[row], list(chain.parameters()), retain_graph=True)
        theirs = torch.autograd.grad(true, list(chain.parameters()), allow_unused=True)
        for a, b in zip(ours, theirs, strict=True):
            assert torch.allclose(a, torch.zeros_like(a) if b is None else b)
    emissions = emissions.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda e: chain.loss(e, labels, mask), emissions)


def test_viterbi_finds_the_best_sequences_in_order(chain, field):
    emissions, mask = field
    log_p, labels = chain.best(emissions, mask, k=5)
    for row in range(3):
        paths, scores = all_scores(chain, emissions, mask, row)
        order = scores.argsort(descending=True)[:5]
        expected = (scores[order] - torch.logsumexp(scores, 0)).tolist()
        n = int(mask[row].sum())
        assert log_p[row, : len(order)].tolist() == pytest.approx(expected)
        assert [tuple(p[:n].tolist()) for p in labels[row, : len(order)]] == [
            paths[k] for k in order
        ]
        assert labels[row, :, n:].sum() == 0
    # One position has three labels only.
    assert log_p[2, 3:].isinf().all()


def test_without_a_chain_positions_know_nothing_of_each_other(field):
    emissions, mask = field
    alone = LinearChain(LABELS, chained=False).double()
    labels = torch.tensor([[2, 0, 1, 1], [1, 2, 0, 0], [0, 0, 0, 0]])
    each = torch.nn.functional.cross_entropy(emissions.transpose(1, 2), labels, reduction="none")
    assert torch.allclose(alone.loss(emissions, labels, mask), (each * mask).sum(1))
    assert not any(p.requires_grad for p in alone.parameters())


def asked(batch: int = 2, regions: int = 5, words: int = 4, steps: int = 3, dim: int = 16):
    torch.manual_seed(3)
    mask = torch.arange(regions) < torch.tensor([[regions], [regions - 2]])[:batch]
    attention = torch.rand(batch, steps, regions) * mask.unsqueeze(1)
    joint = Joint(torch.randn(batch, dim), attention, attention, torch.rand(batch, steps, words))
    seen = Regions(
        torch.randn(batch, regions, dim), mask, torch.rand(batch, regions, 4), torch.ones(batch)
    )
    heard = Words(
        torch.randn(batch, words, dim),
        torch.randn(batch, dim),
        torch.ones(batch, words, dtype=torch.bool),
    )
    return joint, seen, heard


def test_order_learns_to_read_in_the_direction_asked():
    torch.manual_seed(0)
    order = ReadingOrder(8)
    optimizer = torch.optim.Adam(order.parameters(), 0.03)
    words = torch.randn(64, 8)
    features = torch.randn(64, 6, 8)
    # The first number of the question says which way the first feature is read.
    along = features[..., 0] * words[:, :1].sign()
    regions = Regions(features, torch.ones(64, 6, dtype=torch.bool), features[..., :4], words[:, 0])
    heard = Words(words.unsqueeze(1), words, torch.ones(64, 1, dtype=torch.bool))
    true = ranks(along)
    known = torch.ones(64, 6, dtype=torch.bool)
    first = order_loss(order(regions, heard), true, known)
    for _ in range(300):
        loss = order_loss(order(regions, heard), true, known)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.25 * first
    assert (ranks(order(regions, heard)) == true).float().mean() > 0.85


def test_regions_that_are_not_there_come_last():
    joint, seen, heard = asked()
    keys = ReadingOrder(16)(seen, heard)
    assert keys.argsort(-1)[1, 3:].tolist() == [3, 4]
    assert ranks(keys)[1, 3:].tolist() == [3.0, 4.0]


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(4)
    head = Generator(16, 7, 3)
    for weight in head.parameters():
        if weight.dim() > 1:
            weight.data.mul_(2)
    return head.eval()


@torch.no_grad()
def follow(head: Generator, source, pieces: list[int]) -> float:
    """Log p of a sentence of one question, piece by piece, with the head's own attention."""
    last = torch.zeros(1, 1, source.mask.shape[1])
    covered, states, total = last, source.start.unsqueeze(0), 0.0
    for before, piece in zip([END, *pieces], [*pieces, END], strict=True):
        seen = last @ source.values
        given = torch.cat([head.embed(torch.tensor([[before]])), seen], dim=-1)
        out, states = head.cell(given, states)
        covered = torch.maximum(covered, last)
        logits, places = head._attend(source, out, covered, last)
        total += logits.log_softmax(-1)[0, 0, piece].item()
        last = torch.nn.functional.one_hot(places.argmax(-1), places.shape[-1])[..., 1:].float()
    return total


def test_a_beam_s_probability_is_that_of_its_sentence(generator):
    joint, seen, heard = asked()
    source = generator.read(joint, seen, heard, ranks(torch.rand(2, 5)))
    for k, beams in enumerate(generator.search(source, beams=3, longest=12)):
        assert len(beams) == 3
        assert [b[0] for b in beams] == sorted((b[0] for b in beams), reverse=True)
        one = source.rows(torch.tensor([k]))
        for log_p, pieces, places in beams:
            assert END not in pieces and places.shape == (len(pieces), 5)
            assert len(pieces) == 12 or log_p == pytest.approx(
                follow(generator, one, pieces), abs=1e-4
            )
            if k == 1:
                assert places[:, 3:].sum() < 1e-6, "regions that are not there are not attended"


def test_many_beams_find_the_most_probable_sentence(generator):
    joint, seen, heard = asked(batch=1)
    with torch.no_grad():
        generator.output.bias[END] += 3  # short sentences
    source = generator.read(joint, seen, heard, ranks(torch.rand(1, 5)))
    true = max(
        (follow(generator, source, list(p)), p)
        for n in range(4)
        for p in product(range(1, 8), repeat=n)
    )
    ((best, *_),) = generator.search(source, beams=60, longest=8)
    assert best[0] == pytest.approx(true[0], abs=1e-4) and tuple(best[1]) == true[1]


def test_teaching_reaches_every_weight_and_sees_no_later_piece(generator):
    joint, seen, heard = asked()
    source = generator.read(joint, seen, heard, ranks(torch.rand(2, 5)))
    pieces = torch.tensor([[1, 2, 3, 4, 0], [5, 6, 0, 0, 0]])
    spoken = torch.nn.functional.one_hot(torch.tensor([[0, 0, 1, 1, 2], [1, 1, 0, 0, 0]]), 5)
    logits, places = generator(source, pieces, spoken.float())
    assert logits.shape == (2, 5, 8) and places.shape == (2, 5, 6)
    (logits.sum() + places[..., :4].sum()).backward()
    assert all(p.grad is not None for p in generator.parameters())
    changed = pieces.clone()
    changed[:, 3:] = 7
    again, _ = generator(source, changed, spoken.float())
    assert torch.equal(again[:, :4], logits[:, :4])
    assert not torch.equal(again[:, 4], logits[:, 4])


@pytest.mark.parametrize("name", ["crf", "softmax_list"])
def test_lists_follow_the_order_and_leave_out_what_is_not_there(name):
    joint, seen, heard = asked()
    head = FURTHER_HEADS.build(name, dim=16, replies=ReplySpace((), ("a", "b")), steps=3)
    order = torch.tensor([[4, 3, 2, 1, 0], [2, 0, 1, 3, 4]])
    emissions, mask = head(joint, seen, heard.summary, order)
    plain, _ = head(joint, seen, heard.summary, torch.arange(5).expand(2, -1))
    assert torch.equal(emissions[0], plain[0].flip(0))
    assert mask.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
    _, labels = head.chain.best(emissions, mask, 2)
    assert labels.shape == (2, 2, 5) and labels[1, :, 3:].sum() == 0
