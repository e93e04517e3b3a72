"""What `simulate-speech` does."""

from __future__ import annotations

import csv
from argparse import Namespace

from vqa.audio import RATE
from vqa.errors import ConfigError
from vqa.outputs import check_new, made, writing
from vqa.running import Bar
from vqa.speech.simulate import Reading, utterances


def simulate_speech(options: Namespace) -> int:
    """Writes spoken questions as FLAC files with a table of what is said."""
    import soundfile

    check_new(options.out)
    if options.engine == "flite" and options.lang != ("en",):
        raise ConfigError("flite speaks English only; give --lang en.")
    reading = Reading(
        options.seed,
        options.lang,
        options.engine,
        options.voices,
        options.clean,
        tuple(str(path) for path in options.schemas),
    )
    spoken = utterances(reading, range(options.n))
    with made(options.out), writing(options.out):
        (options.out / "audio").mkdir(exist_ok=True)
        with (
            (options.out / "questions.csv").open("w", encoding="utf-8", newline="") as file,
            Bar(total=options.n, unit="question") as bar,
        ):
            table = csv.writer(file)
            table.writerow(["audio", "question", "language", "engine", "voice", "seconds"])
            for number, said in enumerate(spoken):
                name = f"audio/{number:06d}.flac"
                soundfile.write(options.out / name, said.samples, RATE)
                seconds = f"{len(said.samples) / RATE:.2f}"
                voice = said.voice
                table.writerow([name, said.text, said.language, voice.engine, voice.name, seconds])
                bar.update()
    print(f"{options.out}: audio/, questions.csv")
    return 0
