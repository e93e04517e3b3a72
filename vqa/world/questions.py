"""Questions over scenes: family, program, answer, text and the set of each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from vqa.errors import ConfigError
from vqa.world.families import FAMILIES
from vqa.world.grammar import LANGUAGES, write
from vqa.world.plans import Plan, execute_plan
from vqa.world.programs import Program
from vqa.world.replies import REPLY_FAMILIES, Reply, ask_for_reply, reply, sample_reply
from vqa.world.scene import Scene
from vqa.world.scene_index import SceneIndex

# Draws before a family is given up for a scene: small scenes cannot ask everything.
_DRAWS = 3
# Questions given up before a scene is: none of the wanted families may fit it.
_MISSES = 30


@dataclass(slots=True)
class Question:
    """One question about one scene.

    Attributes:
        plan: what is asked, condensed; `program` is the same as a CLEVR program.
        family: one of `FAMILIES` or `REPLY_FAMILIES`.
        answer: "yes" / "no", "0".."10", an attribute value, or the text of `reply`.
        language: "en" or "zh".
        text: the question in words.
        step_sets: for each step of the plan the mask of the objects it selects (bit i is
            object i of the scene).
        reply: the answer where it is a sentence or a list.
    """

    plan: Plan
    family: str
    answer: str
    language: str
    text: str
    step_sets: list[int]
    reply: Reply | None = None

    @property
    def program(self) -> Program:
        return self.plan.program()


def sample_plan(index: SceneIndex, family: str, rng: Random) -> Plan | None:
    """A plan of `family` that keeps the rules of `vqa.world.sampling`; None when none is found.

    Raises:
        ConfigError: unknown family.
    """
    if family not in FAMILIES:
        raise ConfigError(
            f"Unknown question family {family!r}; choose one of: {', '.join(FAMILIES)}."
        )
    for _ in range(_DRAWS):
        plan = FAMILIES[family](index, rng)
        if plan is not None:
            return plan
    return None


class QuestionSampler:
    """Draws questions of mixed families.

    What a scene is asked depends only on the seed and the scene's number, not on the scenes
    before or on the process: any split of the work over workers gives the same questions.

    Args:
        seed: seed of all draws.
        families: family -> weight; all nine alike when None.
        languages: the languages to draw from, each as likely as it is listed.
        decorated: how often politeness, places or unusual marks and case are added, 0..1.
        noise: how often a slip (typo, missing article) is put in, 0..1.

    Raises:
        ConfigError: unknown family or language, or no positive weight.
    """

    def __init__(
        self,
        seed: int,
        families: Mapping[str, float] | None = None,
        languages: Sequence[str] = ("en",),
        decorated: float = 0.15,
        noise: float = 0.05,
    ) -> None:
        weights = dict.fromkeys(FAMILIES, 1.0) if families is None else dict(families)
        unknown = [f for f in weights if f not in FAMILIES and f not in REPLY_FAMILIES]
        if unknown or not weights or min(weights.values()) < 0 or not any(weights.values()):
            raise ConfigError(
                f"Question families {weights} need positive weights and names among: "
                f"{', '.join((*FAMILIES, *REPLY_FAMILIES))}."
            )
        if not languages or any(name not in LANGUAGES for name in languages):
            raise ConfigError(
                f"Languages {list(languages)} must be one or more of: {', '.join(LANGUAGES)}."
            )
        self.seed = seed
        self.languages = tuple(languages)
        self.decorated = decorated
        self.noise = noise
        self._families = tuple(weights)
        self._weights = tuple(weights.values())

    def sample(self, scene: Scene | SceneIndex, n: int, number: int) -> list[Question]:
        """Up to `n` questions about a scene; fewer only when the scene cannot give them.

        Args:
            scene: the scene, or its index when the caller has made one.
            number: the scene's number in its set; it seeds the draws together with the seed.
        """
        index = scene if isinstance(scene, SceneIndex) else SceneIndex(scene)
        # A text seed is hashed by random itself (SHA-512), alike in every process.
        rng = Random(f"questions/{self.seed}/{number}")
        questions: list[Question] = []
        misses = 0
        while len(questions) < n and misses < _MISSES:
            family = rng.choices(self._families, self._weights)[0]
            spoken = family in REPLY_FAMILIES
            plan = (sample_reply if spoken else sample_plan)(index, family, rng)
            if plan is None:
                misses += 1
                continue
            misses = 0
            language = self.languages[rng.randrange(len(self.languages))]
            question = self._replied if spoken else self._answered
            questions.append(question(plan, family, index, language, rng))
        return questions

    def _answered(
        self, plan: Plan, family: str, index: SceneIndex, language: str, rng: Random
    ) -> Question:
        run = execute_plan(plan, index)
        text = write(plan, language, rng, self.decorated, self.noise)
        return Question(plan, family, run.answer, language, text, run.step_sets)

    def _replied(
        self, plan: Plan, family: str, index: SceneIndex, language: str, rng: Random
    ) -> Question:
        text = ask_for_reply(plan, family, language, rng, self.decorated, self.noise)
        found, sets = reply(plan, family, index, language)
        return Question(plan, family, found.text, language, text, sets, found)
